# `make` lists the targets; every target installs what it needs first, into .venv

# What a person gives is text: make expands nothing in it, and recipes read it from the environment as "$$STUDY", so
# that no quote, `;` or `$(...)` of it means anything to a shell.
GIVEN := STUDY DATASET SPACE TRIALS EPOCHS JOBS SEED SAMPLER PRUNER ARGS PYTHON
$(foreach name,$(GIVEN),$(if $(filter-out undefined,$(origin $(name))),$(eval override $(name) := $$(value $(name)))))

# `make help` prints the lines that begin with `##`, and each variable's value
## DATASET  a registered dataset, or a .csv, .parquet or .npz file
DATASET ?= digits
## SPACE    a registered search space, module:function or file.py:function
SPACE   ?= mlp
## TRIALS   the study's total
TRIALS  ?= 20
## EPOCHS   of each trial
EPOCHS  ?= 20
## JOBS     trials that run at a time; empty: as many as suit the processor
JOBS    ?=
## SEED     of the study
SEED    ?= 0
## SAMPLER  tpe, random, grid, gp, qmc, nsga2, ...
SAMPLER ?= tpe
## PRUNER   median, hyperband, asha, none, ...; empty: the study's own, of a new one median
PRUNER  ?=
EMPTY   :=
NAMED    = $(notdir $(subst $(EMPTY) $(EMPTY),-,$(1)))
## STUDY    its name, which is the MLflow experiment's too
STUDY   ?= $(basename $(call NAMED,$(DATASET)))-$(subst :,-,$(call NAMED,$(SPACE)))
## ARGS     more options of the command: make sweep ARGS="--patience 5"
ARGS    ?=
## PYTHON   makes .venv: 3.11, 3.12 or 3.13
PYTHON  ?= python3
export $(GIVEN)

override FAULTS := tests/faults tests/hostile tests/tracking/test_outages.py tests/sweeps/doctor \
                   $(addprefix tests/sweeps/trial/test_,checkpoint.py snapshot.py) \
                   $(addprefix tests/sweeps/study/test_,damaged_journal.py journal.py study.py) \
                   $(addprefix tests/sweeps/data/test_data_,keras_files.py registry.py) tests/sweeps/engine/test_resume.py
# what a file's tests share stays in one process; tests/conftest.py says which files come first
override SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder
override VENV := .venv
override BIN  := $(VENV)/bin
# runs what follows, then the words of ARGS, quotes respected
override RUN  := @$(BIN)/python -m sweeps.cli.make_args $(BIN)
export MLFLOW_DISABLE_TELEMETRY := true
# `sweeps run` names the targets that come next
export SWEEPS_FROM_MAKE := 1

.DEFAULT_GOAL := help
.PHONY: help setup sweep best confirm report export ui dashboard tensorboard test test-faults check format bench bench-scale bench-search bench-trainings bench-chapter picture docs clean

help: ## list the targets and the variables
	@awk '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { name = about = $$0; sub(/:.*/, "", name); sub(/.*## /, "", about); printf "  make %-13s %s\n", name, about } \
	  /^## / { named[++n] = $$2; $$1 = $$2 = ""; abouts[n] = $$0; sub(/^ */, "", abouts[n]) } \
	  END { print "\nVariables (make sweep TRIALS=60)"; for (i = 1; i <= n; i++) { value = ENVIRON[named[i]]; \
	    printf "  %-8s %s%s\n", named[i], abouts[i], value == "" ? "" : " [" value "]" } }' $(firstword $(MAKEFILE_LIST))

$(VENV)/installed: pyproject.toml constraints.txt
	@"$$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed, '$$PYTHON' is $$("$$PYTHON" --version 2>&1). Name another: make PYTHON=python3.12" >&2; exit 2; }
	"$$PYTHON" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(BIN)/sweeps env --compile || true  # else the first sweep does
	@TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m sweeps.engine.warm_up 2>/dev/null || true
	@touch $@

##@ Search
sweep: setup ## search for the best hyperparameters; the same again finishes what is missing
	$(RUN)/sweeps run --dataset "$$DATASET" --space "$$SPACE" --trials "$$TRIALS" --epochs "$$EPOCHS" \
	  $${JOBS:+--jobs "$$JOBS"} --seed "$$SEED" --sampler "$$SAMPLER" $${PRUNER:+--pruner "$$PRUNER"} -- "$$STUDY"

##@ Look at the results
best: setup ## the best trial: parameters, accuracy, run, model
	$(RUN)/sweeps best -- "$$STUDY"

confirm: setup ## train the best trials and the default again on fresh seeds; the winner on the test rows
	$(RUN)/sweeps confirm $${JOBS:+--jobs "$$JOBS"} -- "$$STUDY"

report: setup ## one HTML file of the study: winner, leaderboard, all figures
	$(RUN)/sweeps report -- "$$STUDY"

ui: setup ## the MLflow UI on 127.0.0.1: every trial's run; also while it runs
	$(RUN)/sweeps ui $(if $(filter override,$(origin STUDY)),-- "$$STUDY")

dashboard: setup ## optuna-dashboard on 127.0.0.1: how the search goes; also while it runs
	$(RUN)/sweeps dashboard -- "$$STUDY"

tensorboard: setup ## TensorBoard on 127.0.0.1: every trial's curves, and the HParams tab; also while it runs
	$(RUN)/sweeps tensorboard -- "$$STUDY"

##@ Use the best model
export: setup ## the best model, ready to load and serve, in exports/STUDY
	$(RUN)/sweeps export -- "$$STUDY"

##@ Measure
$(VENV)/benched: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,bench]'
	@touch $@

bench: $(VENV)/benched ## side by side with KerasTuner, Ray Tune and the tutorial way (half an hour, Fashion-MNIST)
	$(RUN)/python -m benchmarks.speed

bench-scale: setup ## start, memory, overhead and trials a second as slots and trials grow (hours; ARGS=--only=NAME)
	$(RUN)/python -m benchmarks.scale

bench-search: setup ## how good samplers, pruners and first configurations are, on 34 tasks (minutes; SWEEPS_LCBENCH)
	$(RUN)/python -m benchmarks.search

bench-trainings: setup ## the portfolio of `mlp`, from the trainings that are kept (ARGS=--train=FOLDER trains: hours)
	$(RUN)/python -m benchmarks.trainings

bench-chapter: setup ## the chapter's results, its own code and KerasTuner beside ours (an hour; SWEEPS_HOUSING_CSV)
	$(RUN)/python -m benchmarks.chapter

##@ Develop
setup: $(VENV)/installed ## install into .venv, nothing else

test: setup ## the fast tests
	$(RUN)/python -m pytest -q $(SIDE_BY_SIDE)

test-faults: setup ## the tests of faults, the slow ones too: what dies, hangs, is torn, goes away or is hostile
	$(RUN)/python -m pytest -q $(SIDE_BY_SIDE) -m '' $(FAULTS)

check: setup ## format, lint, types, tests: what CI runs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

format: setup ## format, and fix what ruff can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

picture: setup ## the pictures of README and docs, from a real sweep
	@$(BIN)/python -m docs.picture

docs: setup ## the documentation as a site: site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "site/index.html"

clean: ## remove .venv and caches; runs/ and exports/ stay
	rm -rf $(VENV) site .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
