# The whole manual. Every target makes .venv from the committed lock by itself.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
BIN := .venv/bin
SEED ?=
READY := .venv/.ready

.PHONY: run test check bench soak docs reference conformance clean help setup format lock audit coverage shape

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): requirements/dev.txt pyproject.toml scripts/setup
	@bash scripts/setup

setup: $(READY) ## make .venv from the lock

run: $(READY) ## set up, feed the claims example, leave the human work waiting
	@bash scripts/run

test: $(READY) ## the whole suite, with small crash counts
	@bash scripts/browser
	@bash scripts/typescript
	@bash scripts/pyright
	$(BIN)/python -m pytest

check: $(READY) ## layout, lint, types, floors, tidiness, spelling: fast
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --cache-dir .cache/importlinter
	$(BIN)/interrogate -q tests
	$(BIN)/codespell
	$(BIN)/vulture
	$(BIN)/deptry src
	$(BIN)/python -m pytest tests/test_tidy.py tests/tidy

bench: $(READY) ## measure, print the table, write bench/results/latest.json
	$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

shape: $(READY) ## the monthly numbers about the code itself
	$(BIN)/python -m bench --only shape

soak: $(READY) ## long crash and world runs, from SEED if given
	TENUTO_SEED=$(SEED) HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -m soak --timeout 0 $(if $(SEED),--randomly-seed=$(SEED))

docs: $(READY) ## build the pages into docs/_build/html; a warning is an error
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

reference: $(READY) ## write the generated pages of docs/reference and the blocking client
	$(BIN)/python -m tidy.blocking
	$(BIN)/python -m tidy.reference

conformance: $(READY) ## the public suites alone
	$(BIN)/python -m pytest -m conformance

coverage: $(READY) ## the suite with branch coverage
	$(BIN)/python -m pytest --cov --cov-branch --cov-report=term-missing:skip-covered

format: $(READY) ## lay out the code and mend what ruff can mend
	$(BIN)/ruff check --fix-only -q .
	$(BIN)/python -m tidy.wrap $$(git ls-files --cached --others --exclude-standard '*.py')
	$(BIN)/ruff format -q .

lock: $(READY) ## resolve requirements/dev.txt anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --quiet --group dev --extra encryption --extra otel --extra testing --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --custom-compile-command "make lock" $(UPGRADE) -o requirements/dev.txt

audit: $(READY) ## known vulnerabilities among what is locked (asks a public database)
	$(BIN)/python -m pip install --quiet pip-audit
	$(BIN)/pip-audit --require-hashes -r requirements/dev.txt

clean: ## remove what make made
	rm -rf .venv .cache .make dist build docs/_build .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -not -path './node_modules/*' -prune -exec rm -rf {} +
