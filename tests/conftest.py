"""Settings for all tests: property tests are reproducible and have no deadline."""

import matplotlib
from hypothesis import settings

matplotlib.use("agg")
settings.register_profile("gammafold", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("gammafold")
