"""The schema of what a study and its trials hold beside Optuna's own fields: the names of their user attributes.

These names are on disk. They stay as they are, so that studies of earlier versions can be resumed. The fingerprints of
the study's search space have theirs in `sweeps.space.fingerprint`, which this package is built on.
"""

from __future__ import annotations

# Of a study

#: its `Identity`
IDENTITY = "sweep"
#: its configuration
CONFIG = "config"
#: what a Python program gave beside the configuration: "space", "data"
GIVEN = "given"
#: the data: the target's kind, class labels, columns
DATA = "data"
#: what models without a search reach on its data: `Baseline`s as dictionaries
BASELINES = "baselines"
#: what its Hyperband takes a trial's bracket from: `BY_NUMBER`; without it, from the study's name too
BRACKETS = "brackets"
#: the value of `BRACKETS`
BY_NUMBER = "number"
#: the space's default values by parameter, where its first trial was to have them
DEFAULTS = "defaults"
#: how many trials it is to have
TOTAL = "total"
#: whether trials that failed for good count towards the total, as in KerasTuner
COUNTS_FAILED = "counts_failed"
#: the id of the sweep's MLflow run
PARENT_RUN = "parent_run"
#: how the last sweep ended, once its record is closed
OUTCOME = "outcome"
#: each look at the test rows, before it is taken: of which trial, its model, and when
TEST_LOOKS = "test_looks"
#: what the last look has shown
TEST = "test"
#: the trials whose models were removed, as ranges of numbers: `0-3,7`
REMOVED_MODELS = "removed_models"

# Of a trial, whatever its state

#: the mark of the process that works at it; see `sweeps.study.claims`
HOLDER = "holder"
#: the id of its MLflow run
RUN_ID = "run_id"
#: its hyperparameters as the model got them
PARAMS = "params"
#: how many epochs its rounds, before the present one, have ended short of the most that they might have had
SKIPPED = "skipped"
#: metrics that were not finite in an epoch; also a tag of its run
UNDEFINED = "not_finite"
#: why it failed
ERROR = "error"
#: which constraint it breaks, and by which value; also a tag of its run. Optuna's own attributes have the violations
INFEASIBLE = "infeasible"
#: the number of the attempt before it
RETRY_OF = "retry_of"
#: the id that KerasTuner's own loop has given it, which all attempts at it share
TUNER_TRIAL = "tuner_trial"
#: why it was cut short: `DEATH` or `INTERRUPTION`
CUT_SHORT = "cut_short"
#: the values of `CUT_SHORT`: its own worker died, or the sweep ended
DEATH, INTERRUPTION = "death", "interruption"

# Of a COMPLETE trial

#: the epoch, from 1, that its value is of
EPOCH = "epoch"
#: where its model is
MODEL_URI = "model_uri"
#: the value of `MODEL_URI` where what was tried is no Keras model, or its model was not kept
NO_MODEL = ""
#: the hash of its model's file
MODEL_SHA256 = "model_sha256"
#: of a trial of several rounds: by the round's name the objective in it at the trial's best epoch, and their standard
#: deviation; the model is that of the last round
ROUNDS = "rounds"
#: the number of its model's weights
N_PARAMS = "n_params"
#: by name the figures that an objective beside the first, or a constraint, is about
FIGURES = "figures"
#: what its model takes as input, if the space's `fit` changed the data
PREPARED = "prepared"
#: what each COMPLETE trial has
RESULT = (RUN_ID, PARAMS, EPOCH, MODEL_URI)

# Of a trial of the study that confirms another one

#: what it repeats: see `sweeps.trial.repetition`
REPETITION = "repetition"

# Of a trial that trains another one on. It has more epochs than the others, so it does not count towards the study's
# total and is not compared with them

#: the number of the trial that it continues
CONTINUES = "continued_from"
#: after how many epochs it began
AFTER = "after"
#: how many epochs it is to have in all
EPOCHS = "epochs"
#: how many it has had
TRAINED = "trained"
