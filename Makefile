# Everything happens in .venv; only `make test` as root installs packages of the
# system (Grid Engine, and those in tests/packages.sh), and only missing ones.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
DEMO := GRIDTASK_BACKEND=local GRIDTASK_CACHE=.venv/demo-cache $(BIN)/python examples/quickstart.py

.PHONY: help demo bench bench-quick docs test test-faults test-wheel test-versions lint clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

demo: .venv/installed ## run examples/quickstart.py twice on this machine
	@rm -rf .venv/demo-cache
	@echo "--- the first run computes"
	$(DEMO)
	@echo "--- the second run finds all of it"
	$(DEMO)

test: .venv/installed-test ## run all tests (ARGS="-k word" for some)
	-@$(BIN)/python tests/gridcell.py get
	@tests/packages.sh
	$(BIN)/python -m pytest $(ARGS)

test-faults: .venv/installed-test ## break the store for a quarter of an hour (more as root)
	$(BIN)/python -m pytest -m faults -s $(ARGS)

test-wheel: .venv/installed-test ## build the wheel, run all tests on it in an empty environment
	-@$(BIN)/python tests/gridcell.py get
	$(BIN)/python tests/packaging/wheel.py $(ARGS)

test-versions: .venv/installed-test ## run quick tests with lowest and newest dependencies, on each Python
	$(BIN)/python tests/packaging/versions.py $(ARGS)

bench: ## measure beside other libraries, an hour or two (ARGS="--only warm cold")
	$(PYTHON) benchmarks $(ARGS)

bench-quick: ## the same with fewer and smaller calls, ten minutes
	$(PYTHON) benchmarks --quick $(ARGS)

docs: .venv/installed-docs ## build the documentation into build/docs, warnings are errors
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	@echo "build/docs/index.html"

lint: .venv/installed-check ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict

clean: ## remove the environment and what tools left
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# What an environment holds follows from pyproject.toml alone.
.venv/installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/installed-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "gridtask needs Python 3.11 or newer, and '$(PYTHON)' is not:" \
	    "make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  test "$$(id -u)" = 0 && apt-get update -qq && \
	  apt-get install -y -qq --no-install-recommends python3-venv; } || { \
	  echo "Python's venv is missing: install Debian's or Ubuntu's package" \
	    "python3-venv (as root: apt-get install python3-venv), then run make again" >&2; exit 1; }
	$(PYTHON) -m venv .venv
