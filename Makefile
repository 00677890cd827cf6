# `make` lists what there is. Every target sets up what it needs.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
ARGS ?=

.PHONY: help demo test check backtest bench format lint types serve clean setup setup-dev

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/run.stamp: requirements.txt
	@./setup.sh $(PYTHON) $(VENV) requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements.txt requirements-dev.txt
	@./setup.sh $(PYTHON) $(VENV) requirements-dev.txt
	@touch $@ $(VENV)/run.stamp

setup: $(VENV)/run.stamp ## what running needs
setup-dev: $(VENV)/dev.stamp ## what developing needs, too

demo: setup ## the whole loop in the sandbox, then the pages (ARGS=--exit ends after the loop)
	$(RUN) app.py demo $(ARGS)

serve: setup ## the server (ARGS=--sandbox for a trial)
	$(RUN) app.py serve $(ARGS)

test: setup-dev ## all tests; PostgreSQL too where a server answers
	$(RUN) -m tests.run $(ARGS)

check: setup-dev format lint types test ## format, lint, types, tests

format:
	$(VENV)/bin/ruff format --check .

lint:
	$(VENV)/bin/ruff check .

types:
	$(VENV)/bin/mypy .

backtest: setup-dev ## how good the warning lists were on real deliveries, sales simulated (ARGS="--every 40" is quick)
	$(RUN) app.py backtest $(ARGS)

bench: setup-dev ## ratios against floors measured in the same run
	$(RUN) -m benchmarks.run $(ARGS)

clean: ## forget what was made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
