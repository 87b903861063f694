# Needs make and Python 3.11 or newer, nothing else. Every path here is relative to this folder,
# so that a checkout whose own path has spaces works too.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test nightly lint bench chaos browser lock clean

BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Containers often forbid it, and then each of a dozen processes compiles everything for itself.
unexport PYTHONDONTWRITEBYTECODE

# A virtual environment knows its own absolute path: one that was moved or copied along with this
# folder is made again, since the stamps carry a checksum of the path.
HERE := $(firstword $(shell pwd -P | cksum))
VENV := .venv/made-$(HERE)
DEMO := .venv/demo-$(HERE)
DEV := .venv/dev-$(HERE)

help: ## list what can be made
	@sed -n 's/^\([a-z][a-z]*\):.*## \(.*\)/\1|\2/p' Makefile | \
		while IFS='|' read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

run: $(DEMO) ## start the whole portal here, with a demo clinic; Ctrl-C stops it
	@exec $(BIN)/python -m portal.supervisor

TESTS = tests
test: $(DEV) ## run the tests against servers of their own; some with TESTS=tests/refills
	$(BIN)/python -m pytest -n 2 --dist worksteal $(TESTS)

nightly: $(DEV) ## try the properties and stateful machines with twenty times as many examples
	$(BIN)/python -m pytest -n 2 --dist worksteal --hypothesis-profile nightly \
		-m "(hypothesis or nightly) and not chaos and not browser" tests

lint: $(DEV) ## style, types, layers, and migrations against the models
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy portal workers tools wsgi.py bench tests
	$(BIN)/lint-imports --no-cache
	$(BIN)/portal migrations check

bench: $(DEV) ## measure the hot paths
	$(BIN)/python -m bench

chaos: $(DEV) ## kill servers and workers under load, and look for lost requests
	$(BIN)/python -m pytest -m chaos -s tests/chaos

browser: $(DEV) ## drive the start page with a real browser
	$(BIN)/python -m pytest -m browser tests/browser

clean: ## remove the virtual environment, caches and local data (stop `make run` first)
	rm -rf .venv var build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The development lock comes first and the others keep to its versions: what was tested is what runs.
# `make lock UPGRADE=--upgrade` moves everything to its newest version.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate \
	--custom-compile-command "make lock" $(UPGRADE)

lock: $(VENV) ## resolve the dependencies of pyproject.toml into the lock files
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	$(COMPILE) pyproject.toml --extra embedded --extra build --extra dev -o requirements-dev.txt
	$(COMPILE) pyproject.toml --extra embedded --extra build -c requirements-dev.txt -o requirements-demo.txt
	$(COMPILE) pyproject.toml -c requirements-dev.txt -o requirements.txt
	echo uv | $(COMPILE) -c requirements-dev.txt -o requirements-uv.txt -

INSTALL = $(BIN)/python -m tools.install

# Where the packages for development are, they stay.
$(DEMO): $(VENV) requirements-demo.txt requirements-uv.txt pyproject.toml
	@echo "Installing the locked packages (once)"
	@$(INSTALL) $$(test -e $(DEV) && echo requirements-dev.txt || echo requirements-demo.txt)
	@touch $@

$(DEV): $(VENV) requirements-dev.txt requirements-uv.txt pyproject.toml
	@echo "Installing the locked packages, with those for development (once)"
	@$(INSTALL) requirements-dev.txt
	@touch $@ $(DEMO)

# A candidate is tried, not merely looked up: a name on the PATH may be a shim that only fails.
$(VENV):
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
		if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
			>/dev/null 2>&1; then \
			echo "Making .venv with $$($$python --version)"; \
			$$python -m venv --clear .venv && touch $@ && exit 0; \
			exit 1; \
		fi; \
	done; \
	echo "Careloop needs Python 3.11 or newer with its venv module, and none was found." >&2; \
	echo "Install it (Debian, Ubuntu: apt-get install python3 python3-venv), or name one:" >&2; \
	echo "make PYTHON=/path/to/python3.13 $(MAKECMDGOALS)" >&2; \
	exit 1
