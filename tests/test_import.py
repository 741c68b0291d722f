import subprocess
import sys

CODE = """
import sys, gammafold
print(sorted({name.split(".")[0] for name in sys.modules} & {"numpy", "astropy", "matplotlib", "jax"}))
"""


def test_import_is_nearly_free():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
