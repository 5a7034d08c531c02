# Every command sets up what it needs, so that a fresh clone needs no other step.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: run test dev lint format bench

run: $(READY)
	$(BIN)/bj-pipeline run --issue 65 --history 12

test: $(READY)
	$(BIN)/pytest

dev: $(READY)
	$(BIN)/bj-pipeline dev

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@
