# Each target sets up all that it needs on a fresh machine: Python 3.11 or newer and Git are enough.
PYTHON ?= python3
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS = never

.PHONY: setup demo test check bench schemas format

setup: .setup-stamp

.setup-stamp: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable . --group dev
	@touch $@

demo: setup
	@$(BIN)/reconciler demo

test: setup
	@$(BIN)/python -m pytest

check: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/reconciler schema --check
	@$(BIN)/reconciler validate fleet

bench: setup
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group bench
	@$(BIN)/python -m tests.bench

schemas: setup
	@$(BIN)/reconciler schema

format: setup
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
