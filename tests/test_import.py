import subprocess
import sys

CODE = """
import sys
import {modules}
print(sorted(set(name.split(".")[0] for name in sys.modules) & set({absent})))
"""


def loaded(modules, *absent):
    """Return which of some packages are loaded by an import."""
    code = CODE.format(modules=modules, absent=list(absent))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_import_is_nearly_free():
    assert loaded("gammafold", "numpy", "astropy", "matplotlib", "jax") == "[]"


def test_what_is_slow_to_import_is_imported_when_it_is_needed():
    modules = "gammafold.datasets, gammafold.modeling, gammafold.modeling.models, gammafold.estimators"
    assert loaded(modules, "scipy", "matplotlib", "iminuit", "regions", "jax", "emcee", "distributed") == "[]"
