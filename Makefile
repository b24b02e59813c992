# `make` lists the targets; every target installs what it needs first, into .venv
DATASET ?= digits
SPACE   ?= mlp
TRIALS  ?= 20
EPOCHS  ?= 10
SEED    ?= 0
SAMPLER ?= tpe
PRUNER  ?= hyperband
JOBS    ?=
STUDY   ?= $(basename $(notdir $(DATASET)))-$(subst :,-,$(notdir $(SPACE)))
ARGS    ?=
PYTHON  ?= python3

VENV   := .venv
BIN    := $(VENV)/bin
export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := help
.PHONY: help setup sweep best export ui test check format bench bench-scale picture clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  variables: STUDY DATASET SPACE TRIALS EPOCHS JOBS SEED SAMPLER PRUNER ARGS   (make sweep TRIALS=60)"

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed, '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

setup: $(VENV)/installed ## install into .venv, nothing else

sweep: setup ## search: DATASET, SPACE, TRIALS, EPOCHS, JOBS, SEED, SAMPLER, PRUNER, STUDY
	@$(BIN)/sweeps run '$(STUDY)' --dataset '$(DATASET)' --space '$(SPACE)' --trials '$(TRIALS)' --epochs '$(EPOCHS)' \
	  $(if $(JOBS),--jobs '$(JOBS)') --seed '$(SEED)' --sampler '$(SAMPLER)' --pruner '$(PRUNER)' $(ARGS)

best: setup ## the best trial: parameters, accuracy, run, model
	@$(BIN)/sweeps best '$(STUDY)' $(ARGS)

export: setup ## the best model, ready to load and serve, in exports/STUDY
	@$(BIN)/sweeps export '$(STUDY)' $(ARGS)

ui: setup ## the MLflow UI on 127.0.0.1
	@$(BIN)/sweeps ui $(ARGS)

test: setup ## the fast tests
	@$(BIN)/python -m pytest -q $(ARGS)

check: setup ## format, lint, types, tests: what CI runs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

format: setup ## format and mend what ruff can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

$(VENV)/benched: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,bench]'
	@touch $@

bench: $(VENV)/benched ## side by side with KerasTuner, Ray Tune and the tutorial way (half an hour, Fashion-MNIST)
	@$(BIN)/python -m benchmarks.speed $(ARGS)

bench-scale: setup ## overhead, memory and the second core as a study grows (ten minutes)
	@$(BIN)/python -m benchmarks.scale $(ARGS)

picture: setup ## docs/sweep.svg: the README's picture, from a real sweep
	@$(BIN)/python docs/picture.py

clean: ## remove .venv and caches; runs/ and exports/ stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
