"""Settings of the documentation."""

from gammafold import __version__

project = "gammafold"
copyright = "gammafold developers"
version = release = __version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.viewcode", "numpydoc"]
autosummary_generate = True
numpydoc_show_class_members = False
autodoc_typehints = "none"
exclude_patterns = ["_build"]
html_theme = "furo"
