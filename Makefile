# `make help` lists what there is. Everything works from nothing but make and Python 3.10 to 3.13: the first target that
# needs it creates .venv and installs the pinned requirements; later ones find it done.

PYTHON ?= python3
BACKEND ?= torch
PIP_FLAGS ?=
PYTEST_FLAGS ?=

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench gpu soak clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  PYTHON=python3.12      the Python that .venv is made from (default python3)"
	@echo "  BACKEND=tensorflow     the framework of the demo (default torch)"
	@echo "  PIP_FLAGS=...          for every pip install, such as --find-links or an index of your own"
	@echo "  PYTEST_FLAGS=...       for pytest, for example -k schedule"

setup: $(READY) ## create .venv and install everything into it

demo: $(READY) ## train on handwritten digits with everything scheduled
	$(PY) apphub/image_classification/digits/digits.py --backend $(BACKEND)

test: $(READY) ## run the tests
	$(PY) -m pytest -n 2 $(PYTEST_FLAGS) tests

check: $(READY) ## lint, format, types, layers, Dockerfile
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-logo
	$(VENV)/bin/hadolint Dockerfile

bench: $(READY) ## run the benchmarks one after the other
	@set -e; for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(PY) $$script; done

gpu: $(READY) ## run the tests and the benchmark of a GPU; without one they skip
	$(PY) -m pytest -m gpu $(PYTEST_FLAGS) tests
	$(PY) benchmarks/gpu_step.py

soak: $(READY) ## run the slow tests alone
	$(PY) -m pytest -m slow $(PYTEST_FLAGS) tests

clean: ## remove .venv, caches and the demo's files
	rm -rf $(VENV) demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last: an installation that was cut off starts again.
$(READY): requirements.txt setup.py
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "make: Python 3.10 to 3.13 is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1);" \
	       "name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	$(PY) -m pip install --disable-pip-version-check $(PIP_FLAGS) -r requirements.txt
	$(PY) -m pip install --disable-pip-version-check $(PIP_FLAGS) --no-deps -e .
	@touch $@
