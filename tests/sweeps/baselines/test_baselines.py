"""Baselines: scikit-learn's simple models on the split that trials train on and are scored on."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import numpy as np
import optuna
import psutil
import pytest

from sweeps.baselines import NOT_IN_TIME, BaselineProcess
from sweeps.baselines.compute import Baseline, compute
from sweeps.baselines.process import with_skipped
from sweeps.data import Dataset, DataSource, folds, from_arrays
from sweeps.study.attributes import BASELINES, IDENTITY
from sweeps.study.baselines import baselines, sentences

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(600, 4)).astype("float32")
SPLIT = DataSource("arrays", seed=1)
OWN = DataSource("arrays", seed=1, as_given=True)


def computed(data: Dataset, score: str | None = None) -> dict[str, Baseline]:
    return {found.name: found for found in compute(data, score)}


def test_two_classes_have_the_majority_a_linear_model_and_trees() -> None:
    y = X[:, 0] + 0.3 * X[:, 1] ** 2 > 1.0
    data = from_arrays(X, y, SPLIT)
    found = computed(data)
    assert list(found) == ["majority_class", "logistic_regression", "gradient_boosting"]
    share = max(np.mean(data.validation.y == 0), np.mean(data.validation.y == 1))
    assert found["majority_class"].scores["accuracy"] == pytest.approx(share)
    assert found["majority_class"].scores["auc"] == 0.5
    assert found["logistic_regression"].scores["auc"] > 0.95
    assert found["gradient_boosting"].scores["accuracy"] > share + 0.1
    assert all(row.scores["loss"] == row.scores["binary_crossentropy"] for row in found.values())


def test_classes_of_a_table_with_text_and_missing_numbers() -> None:
    kind = RANDOM.choice(["a", "b", "c"], 600)
    size = np.where(RANDOM.random(600) < 0.1, np.nan, X[:, 0])
    data = from_arrays({"kind": kind[:, None], "size": size[:, None]}, kind, SPLIT)
    found = computed(data)
    assert found["logistic_regression"].scores["accuracy"] == 1.0
    assert found["gradient_boosting"].scores["accuracy"] == 1.0
    assert found["majority_class"].scores["accuracy"] < 0.5


def test_one_hot_classes_and_labels_have_their_accuracy() -> None:
    one_hot = computed(from_arrays(X, np.eye(3)[X[:, :3].argmax(axis=1)], SPLIT))
    assert one_hot["logistic_regression"].scores["accuracy"] > 0.9
    assert one_hot["logistic_regression"].scores["auc"] > 0.95
    labels = computed(from_arrays(X, (X[:, :2] > 0).astype(int) | (X[:, 1:3] > 1), SPLIT))
    assert labels["logistic_regression"].scores["binary_accuracy"] > 0.8
    assert labels["gradient_boosting"].scores["auc"] > 0.9


@pytest.mark.parametrize("columns", [1, 2])
def test_a_regression_has_the_mean_a_ridge_and_trees_in_its_own_unit(columns: int) -> None:
    y = (1000 * X[:, :columns] + 5000).squeeze()
    data = from_arrays(X, y, SPLIT)
    found = computed(data)
    assert list(found) == ["mean", "ridge", "gradient_boosting"]
    assert found["mean"].scores["rmse"] == pytest.approx(np.std(data.validation.y), rel=0.05)
    assert found["ridge"].scores["rmse"] < 20 < found["gradient_boosting"].scores["rmse"] < found["mean"].scores["rmse"]
    assert found["mean"].scores["loss"] == pytest.approx(1.0, rel=0.2)  # the registered spaces' loss is standardized


def test_whole_numbers_are_classes_or_numbers_as_the_objective_is() -> None:
    data = from_arrays(X, np.clip((3 * X[:, 0]).round(), -3, 3).astype(int), OWN)
    assert computed(data)["logistic_regression"].scores["accuracy"] > 0.5
    assert computed(data, "mae")["ridge"].scores["mae"] < 0.7


def test_sample_weights_count_in_the_fit() -> None:
    y = RANDOM.integers(0, 2, 600)
    weight = np.where(y == 1, 100.0, 1.0)
    found = computed(from_arrays(X, y, SPLIT, sample_weight=weight))
    assert found["logistic_regression"].scores["recall"] == 1.0
    assert "loss" not in found["logistic_regression"].scores


def study_of(metric: str, direction: str, found: list[Baseline], best: float | None) -> optuna.Study:
    study = optuna.create_study(direction=direction)
    study.set_user_attr(IDENTITY, {"objective": metric, "direction": direction})
    study.set_user_attr(BASELINES, [vars(row) for row in found])
    if best is not None:
        study.add_trial(optuna.trial.create_trial(value=best))
    return study


def test_what_the_majority_class_alone_gives_is_said() -> None:
    found = [Baseline("majority_class", {"accuracy": 0.9925}), Baseline("gradient_boosting", reason="it failed")]
    said = sentences(study_of("val_accuracy", "maximize", found, 0.9925))
    assert said == [
        "baselines (val_accuracy): majority class 0.9925, gradient boosting skipped (it failed)",
        "0.9925 is what the majority class alone gives, and no trial is better: this objective cannot tell trials "
        "apart; for rare classes try --objective val_auc",
    ]


def test_a_winner_below_a_baseline_is_said_whichever_way_better_lies() -> None:
    found = [Baseline("mean", {"rmse": 3.0}), Baseline("ridge", {"rmse": 1.0})]
    assert sentences(study_of("val_rmse", "minimize", found, 2.0))[1:] == [
        "the best trial (2.0000) is worse than ridge (1.0000)"
    ]
    assert len(sentences(study_of("val_rmse", "minimize", found, 0.5))) == 1
    assert len(sentences(study_of("val_rmse", "minimize", found, None))) == 1


def test_a_metric_that_baselines_have_not_is_said_and_has_no_value() -> None:
    study = study_of("val_my_metric", "maximize", [Baseline("majority_class", {"accuracy": 0.5})], 0.7)
    assert [(row.value, row.reason) for row in baselines(study)] == [(None, "baselines have no val_my_metric")]
    assert sentences(study) == ["no baselines: baselines have no val_my_metric"]
    assert baselines(study_of("accuracy", "maximize", [Baseline("mean", {"accuracy": 0.5})], 1.0))[0].value is None


def test_several_outputs_have_none_and_say_why() -> None:
    data = from_arrays(X, X[:, 0], OWN)
    part = data.train.__class__(data.train.x, {"a": data.train.y, "b": data.train.y})
    found = computed(data.with_parts(part, part))
    assert {row.reason for row in found.values()} == {"the data has several targets"}


@pytest.mark.parametrize("source", [SPLIT, OWN])
def test_with_folds_they_are_the_means_over_the_same_folds_as_the_trials(source: DataSource) -> None:
    data = from_arrays(X, np.where(X[:, 0] + X[:, 1] ** 2 > 1, "yes", "no"), source)
    recorded: list[Any] = []
    with BaselineProcess(data, None, folds=3, seed=5) as process:
        process.record(recorded.append)
        process.finish(120)
    each = [computed(fold) for fold in folds(data, 3, 5)]
    for row in recorded[0]:
        values = [found[row["name"]].scores["accuracy"] for found in each]
        assert row["scores"]["accuracy"] == pytest.approx(np.mean(values))
    assert len(set(values)) > 1


def test_a_process_computes_them() -> None:
    data = from_arrays(X, X[:, 0] > 0, SPLIT)
    recorded: list[Any] = []
    with BaselineProcess(data, None) as process:
        process.record(recorded.append)
        process.finish(120)
    expected = {name: found.scores["accuracy"] for name, found in computed(data).items()}
    assert {row["name"]: row["scores"]["accuracy"] for row in recorded[0]} == pytest.approx(expected)


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="Linux has it")
def test_its_process_runs_where_a_core_is_idle_and_shares_the_sweeps_session() -> None:
    with BaselineProcess(DataSource("digits"), None):
        children = psutil.Process().children()
        (process,) = [one for one in children if "sweeps.baselines.child" in one.cmdline()]
        end = time.monotonic() + 60
        while os.sched_getscheduler(process.pid) != os.SCHED_IDLE and time.monotonic() < end:
            time.sleep(0.01)
        assert os.sched_getscheduler(process.pid) == os.SCHED_IDLE
        assert os.getsid(process.pid) == os.getsid(0)  # of another, Linux would give it as much as all trials together
        assert os.getpgid(process.pid) != os.getpgid(0)  # which Ctrl-C would end


def test_those_that_take_too_long_are_skipped_and_the_others_kept() -> None:
    found = vars(Baseline("mean", {"rmse": 1.0}))
    output = [json.dumps(line).encode() + b"\n" for line in (["mean", "ridge"], found)]
    skipped = {"name": "ridge", "scores": {}, "seconds": 0.0, "reason": "too slow"}
    assert with_skipped(output, "too slow") == [found, skipped]
    assert with_skipped([*output, b'{"name": "rid'], "too slow") == [found, skipped]
    assert with_skipped([], "too slow") == []


def test_those_that_are_not_ready_when_a_sweep_ends_are_recorded_as_such() -> None:
    random = np.random.default_rng(0)
    data = from_arrays(random.normal(size=(50_000, 50)), random.integers(0, 20, 50_000), OWN)
    recorded: list[Any] = []
    with BaselineProcess(data, None) as process:
        process.record(recorded.append)
        process.finish(0.0)
    (found,) = recorded
    assert {row["reason"] for row in found} <= {None, NOT_IN_TIME}


def test_a_process_of_data_that_cannot_be_read_records_nothing() -> None:
    with BaselineProcess(DataSource("not_there.csv"), None) as process:
        process.record(pytest.fail)
        process.finish(120)
