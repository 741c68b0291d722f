"""Settings of the documentation."""

import sys
from pathlib import Path

from gammafold import __version__

sys.path.insert(0, str(Path(__file__).parent))

project = "gammafold"
copyright = "gammafold developers"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "numpydoc",
    "matplotlib.sphinxext.plot_directive",
    "command_help",
]
numpydoc_show_class_members = False
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "imported-members": True, "member-order": "bysource"}
plot_include_source = True
plot_html_show_source_link = False
plot_formats = [("png", 120)]
exclude_patterns = ["_build", "examples"]
html_theme = "furo"
