# Two commands matter: `make demo` and `make test`. Each installs what it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
# Tests start hundreds of processes: compiled modules are kept, whatever the machine says, or each compiles them all again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test check fast fuzz chaos year lint format types imports bench docs deb lock servers clean

help: ## What one can say here
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/uv:
	$(PYTHON) -c 'import sys; sys.exit("syncd needs Python 3.11 or later, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@ $(VENV)/.runtime

# The headers that gssapi is compiled against come with the servers.
$(VENV)/.servers: requirements-servers.lock | $(VENV)/.dev servers
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-servers.lock
	@touch $@

demo: $(VENV)/.runtime ## A company of 300 people synchronized into the sandbox, then everything that can happen to it
	$(BIN)/syncd demo

servers: ## Install the real servers that the tests run (Debian packages; needs root)
	tests/servers/install.sh

test: $(VENV)/.dev $(VENV)/.servers servers ## Every test, real servers included
	$(BIN)/python -m pytest -n 3 --dist loadgroup tests

fast: $(VENV)/.dev ## Unit, contract and property tests: under a minute
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m "not slow and not samba" tests/unit tests/contract tests/property

fuzz: $(VENV)/.dev ## The property tests and state machines with examples that nobody has tried yet
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -q -n 2 --dist loadgroup tests/property
	SCIM_FUZZ=50000 SCIM_FUZZ_SEED=$(shell shuf -i 1-1000000 -n 1) $(BIN)/python -m pytest -q -s tests/integration/test_scim_push_fuzz.py

SEEDS ?= $(shell shuf -i 1-1000000 -n 10)
CHAPTERS ?= 20
chaos: $(VENV)/.dev servers ## Chaos journeys, long and with seeds that nobody has tried yet; SEEDS="7" replays one
	for seed in $(SEEDS); do \
	  SYNCD_CHAOS_SEED=$$seed SYNCD_CHAOS_CHAPTERS=$(CHAPTERS) $(BIN)/python -m pytest -q -s tests/journey/test_chaos.py || exit 1; \
	done

year: $(VENV)/.dev servers ## Five thousand people in three systems through a year (half an hour)
	YEAR_PEOPLE=$(or $(PEOPLE),5000) YEAR_SEED=$(or $(SEED),5) $(BIN)/python -m pytest -q -s tests/journey/test_year.py

format: $(VENV)/.dev ## Rewrite the sources in the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

check: lint types imports fast ## The gates a change has to pass before it is committed

bench: $(VENV)/.dev ## Print the figures of docs/performance.md
	$(BIN)/python -m benchmarks

docs: $(VENV)/.dev ## Write the generated reference pages and the JSON Schemas
	$(BIN)/python -m docs.generate

deb: $(BIN)/uv ## Build the Debian package into dist/
	mkdir -p dist
	packaging/deb/build.sh $(BIN)/uv dist

lock: $(BIN)/uv ## Resolve the dependencies again and write the lock files
	$(BIN)/uv pip compile pyproject.toml --upgrade --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --upgrade --group dev --generate-hashes --no-emit-index-url --no-header -q -o requirements-dev.lock
	$(BIN)/uv pip compile --group pyproject.toml:servers --upgrade --generate-hashes --no-emit-index-url --no-header -q -o requirements-servers.lock

clean: ## Forget the virtual environment and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build var
