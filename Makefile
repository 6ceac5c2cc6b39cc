# What a developer or CI asks for, by name; `make help` lists it. Nothing is installed outside .venv.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
CODE := $(wildcard gitopsd localcluster tests demo bench)
PYTEST := $(BIN)/pytest
stage = @printf '== %-10s %s\n' '$@' '$(1)'

# python3 where it is new enough, else the newest that is there: the setup says which, and why.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)

# uv installs the lock ten times as fast as pip does; pip only brings uv, from the same lock.
UV := VIRTUAL_ENV=$(VENV) $(BIN)/uv pip

# Installing is skipped while nothing that it reads has changed: the stamp is named after what was installed.
STAMP := $(VENV)/.installed-$(shell cat requirements-dev.lock pyproject.toml 2>/dev/null | git hash-object --stdin)

.PHONY: help setup test check fmt lint types contracts unit cluster controlplane format demo bench fuzz coverage lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(STAMP) ## install everything into .venv, pinned with hashes

$(STAMP):
	@[ -n "$(PYTHON)" ] || { echo "gitopsd needs Python 3.11 or newer; found $$(python3 --version 2>&1). Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@[ "$(PYTHON)" = python3 ] || echo "using $(PYTHON) (python3 is $$(python3 --version 2>&1 || true))"
	@echo "installing into $(VENV) with $$($(PYTHON) --version)"
	@[ -x $(BIN)/python ] && $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { rm -rf $(VENV) && $(PYTHON) -m venv $(VENV); } || \
		{ echo "could not create $(VENV): on Debian and Ubuntu, install the package python3-venv" >&2; exit 1; }
	@awk '/^[^ ]/ {uv = /^uv==/} uv' requirements-dev.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(VENV)/uv.lock
	@$(UV) install --quiet --no-deps --require-hashes -r requirements-dev.lock || { \
		echo "trying again with pip, which knows the settings in pip.conf"; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes -r requirements-dev.lock; }
	@$(UV) install --quiet --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.installed-* && touch $@

# pytest runs last and once, so that its summary is the last line: CI reads it.
test: check controlplane ## all checks: formatting, lint, types, import contracts, then every test
	$(call stage,tests: unit + property + conformance + cluster)
	@$(PYTEST) -q

check: fmt lint types contracts ## the checks that run no test

fmt: setup ## formatting (`make format` mends it)
	$(call stage,ruff format)
	@$(BIN)/ruff format --quiet --check $(CODE)

lint: setup ## lint
	$(call stage,ruff check)
	@$(BIN)/ruff check --quiet $(CODE)

types: setup ## types, strict
	$(call stage,mypy)
	@$(BIN)/mypy --no-error-summary $(CODE)

contracts: setup ## import contracts
	$(call stage,import-linter)
	@out=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$out"; exit 1; }

unit: setup ## tests that need no cluster and no neighbour
	$(call stage,tests that need no cluster)
	@$(PYTEST) -q -m 'not cluster and not neighbour'

cluster: setup controlplane ## tests against a real API server and its neighbours
	$(call stage,tests against a real API server)
	@$(PYTEST) -q -m 'cluster or neighbour'

controlplane: setup ## the programs of the local cluster: found, or built once into a cache
	$(call stage,etcd and kube-apiserver and controllers and kwok)
	@$(BIN)/python -m localcluster build

format: setup ## mend formatting, and lint where it mends itself
	@$(BIN)/ruff check --quiet --fix-only $(CODE)
	@$(BIN)/ruff format --quiet $(CODE)

demo: setup ## a cluster, a repository, the daemon: commit to live (CONTEXT=kind-x takes your cluster)
	@$(BIN)/python -m demo $(if $(CONTEXT),--context $(CONTEXT))

bench: setup ## figures beside kubectl's and a bare client's (N=1000 applications; JSON in .bench)
	@$(BIN)/python -m bench --applications $(or $(N),1000)

fuzz: setup ## look for input that breaks a bound (MINUTES=60)
	@GITOPSD_FUZZ_MINUTES=$(or $(MINUTES),10) $(PYTEST) -q -m fuzz --timeout=0

coverage: setup ## which lines the tests reach, as html in htmlcov/
	@$(PYTEST) -q -m 'not cluster and not neighbour' --cov --cov-report=html --cov-report=term:skip-covered

lock: setup ## resolve pyproject.toml's requirements anew into the lock files (UPGRADE=1 takes newer versions)
	@for target in 'requirements.lock pyproject.toml --all-extras' 'requirements-build.lock --group build' \
			'requirements-dev.lock pyproject.toml --all-extras --group dev'; do \
		$(UV) compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
			--custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) -o $$target >/dev/null; done

clean: ## remove what this file made
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov build dist .demo .bench
