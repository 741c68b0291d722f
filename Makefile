# Every target makes what it needs: a virtual environment in .venv, nothing outside this folder.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
PEERS := .peers
PYTEST_ARGS ?= -n 2

.PHONY: demo test lint bench docs peers clean

$(VENV)/core: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -e .
	touch $@

$(VENV)/test: $(VENV)/core
	$(PIP) install -e '.[test]'
	touch $@

demo: $(VENV)/core
	$(BIN)/gammafold demo --output demo-output

test: $(VENV)/test
	$(BIN)/python -m pytest $(PYTEST_ARGS) --cov --cov-report=term

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) $(PEERS) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage \
	  demo-output docs/_build build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
