# Every command sets up what it needs, so that a fresh clone needs no other step.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
RUNS := $(VENV)/runs
TESTS := $(VENV)/tests

.PHONY: run test dev bench endurance lint format

run: $(RUNS)
	$(BIN)/bj-pipeline run --issue 65 --history 12

dev: $(RUNS)
	$(BIN)/bj-pipeline dev

test: $(TESTS)
	$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

bench: $(TESTS)
	$(INSTALL) --editable '.[bench]'
	$(BIN)/python -m bj_pipeline_tests.benchmarks

endurance: $(TESTS)
	$(BIN)/pytest bj_pipeline_tests/endurance --thorough

lint: $(TESTS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(TESTS)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# pip comes last: what was killed before it is made anew.
$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

$(RUNS): pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(INSTALL) --editable .
	touch $@

$(TESTS): pyproject.toml constraints.txt | $(VENV)/bin/pip
	$(INSTALL) --editable '.[dev]'
	touch $@ $(RUNS)
