# Everything that is done to the project, by name.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal

# Images of build servers tell Python to keep nothing that it has compiled: each of our processes would compile all anew.
unexport PYTHONDONTWRITEBYTECODE

# A name on the PATH is no proof: version managers leave stubs that only say how to install the real one.
FIND_PYTHON = for name in python3.13 python3.12 python3; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && echo $$name && exit; done; \
	uv python find '>=3.12' 2>/dev/null
SETUP = python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then echo "Rollbook needs Python 3.12 or newer, and none is on the PATH. Install python3.13, or: uv python install 3.13"; exit 2; fi; \
	$$python -m tools.setup

.PHONY: help setup demo dev test check lint torture bench docs lock

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 17

setup: ## Environment in .venv; Chromium and PostgreSQL where Debian has them
	@$(SETUP)

demo: ## A whole working example, in a browser
	@$(SETUP) python
	@$(BIN)/rollbook demo

dev: ## The same for developers: opens no browser
	@$(SETUP) python
	@$(BIN)/rollbook demo --no-browser

test: setup lint ## Style, types, contracts, then every test on SQLite and on PostgreSQL
	ROLLBOOK_TEST_DATABASE=sqlite $(PYTEST)
	ROLLBOOK_TEST_DATABASE=postgres $(PYTEST)

check: setup lint ## Style, types, contracts, stale docs: a minute, before every commit
	$(BIN)/python -m pytest -q tests/house

lint:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	ROLLBOOK_SECRET_KEY=types $(BIN)/mypy
	$(BIN)/lint-imports --no-logo

torture: setup ## The long tests: large districts, killed workers
	ROLLBOOK_TEST_DATABASE=sqlite $(BIN)/python -m pytest -m torture
	ROLLBOOK_TEST_DATABASE=postgres $(BIN)/python -m pytest -m torture

bench: ## Measure against other tools, in .venv-bench
	@$(SETUP) bench
	PYTHONPATH=src .venv-bench/bin/python -m bench

docs: setup ## Write the generated pages of docs/reference anew
	$(BIN)/python -m tools.docs

lock: ## Lock what requirements/*.in ask for, with uv; to upgrade, delete the .txt files first
	@for name in app dev bench; do \
		uv pip compile --quiet --universal --python-version 3.12 --generate-hashes \
			--no-header --no-emit-index-url --no-emit-find-links \
			requirements/$$name.in --output-file requirements/$$name.txt || exit; \
	done
