# Each target sets up all that it needs on a fresh machine: Python 3.11 or newer and Git are enough.
PYTHON ?= python3
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS = never

BROWSER = /usr/bin/chromium
PACKAGES = chromium fonts-dejavu-core fonts-liberation

.PHONY: setup browser demo test check bench kills faults fuzz soak schemas format

setup: .setup-stamp

.setup-stamp: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable . --group dev
	@touch $@

demo: setup
	@$(BIN)/reconciler demo

# The browser tests need Debian's Chromium; without it, and without the right to install it, they are skipped and say so.
browser:
	@test -x $(BROWSER) || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null || \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES) >/dev/null; } || \
	  echo "Chromium could not be installed: the browser tests are skipped"

test: setup browser
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not alone"
	@$(BIN)/python -m pytest -m alone

kills: setup
	@$(BIN)/python -m tests.kills

faults: setup
	@$(BIN)/python -m tests.faults

fuzz: setup
	@$(BIN)/python -m tests.fuzz

soak: setup
	@$(BIN)/python -m tests.soak

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
