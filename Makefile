# Every target makes what it needs: a virtual environment in .venv, nothing outside this folder.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
PEERS := .peers
PYTEST_ARGS ?= -n 2

.PHONY: demo test lint bench crab coverage docs peers clean

$(VENV)/core: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -e .
	touch $@

$(VENV)/test: $(VENV)/core
	$(PIP) install -e '.[test]'
	$(PIP) install 'ultranest>=4' || echo "UltraNest has no wheels and cannot be built here: its tests are skipped"
	touch $@

demo: $(VENV)/core
	$(BIN)/gammafold demo --output demo-output --overwrite

test: $(VENV)/test
	$(BIN)/python -m pytest $(PYTEST_ARGS) --cov --cov-report=term

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The peers that benchmarks and interoperability tests run against, each in an environment of its own.
# Sherpa has no wheels: building it needs flex, bison, gfortran and FFTW; without them it is left out.
peers: $(PEERS)/gammapy/done $(PEERS)/sherpa/done

$(PEERS)/%/done: benchmarks/peers/%.txt
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check -q install -r $< \
	  || { echo "peer $* cannot be installed here: left out"; rm -rf $(@D); mkdir -p $(@D); }
	touch $@

bench: $(VENV)/test peers
	$(BIN)/python benchmarks/run.py $(BENCH_ARGS)

# The joint fits of the Crab nebula of Nigro et al. (2019), from the spectra beside the repository.
crab: $(VENV)/core
	$(BIN)/python benchmarks/joint_crab.py

# How often intervals hold the truth: a study on 20,000 simulations, its table and its figure.
coverage: $(VENV)/core
	$(BIN)/gammafold coverage --overwrite

docs: $(VENV)/test
	$(PIP) install -e '.[docs]'
	$(BIN)/python -m sphinx -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

clean:
	rm -rf $(VENV) $(PEERS) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage \
	  demo-output docs/_build build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
