"""The exported model, evaluated again on the validation rows of the study's data."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from sweeps.config import SweepConfig
from sweeps.data import load
from sweeps.doctor.export import check_export
from sweeps.doctor.finding import Finding, StudyContext
from sweeps.errors import InputError
from sweeps.export.keras_file import load_keras_file
from sweeps.space.reference import is_own
from sweeps.study import results
from sweeps.study.attributes import CONFIG, GIVEN, IDENTITY
from sweeps.study.rounds import ONE, rounds_of
from sweeps.system import paths
from sweeps.system.commands import hint


def check_score(context: StudyContext) -> Iterator[Finding]:
    """Evaluate the exported model on the validation rows; nothing is evaluated where `check_export` finds damage.

    Raises:
        InputError: there is no export, the data cannot be loaded or has changed, or the model does not compute the
            study's objective.
    """
    if any(check_export(context)):
        return
    folder = paths.export_folder(context.name)
    if not folder.exists():
        raise InputError(f"--rescore: {folder} does not exist; create it: {hint('export', context.name)}")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if manifest.get("prepared"):
        raise InputError("--rescore: the space's fit() prepares the data itself: only a trial can evaluate the model")
    if manifest.get("ensemble"):
        raise InputError(
            "--rescore: the export is an ensemble; its manifest has what it reached on the validation rows"
        )
    known = SweepConfig(**results.whole(context.study, CONFIG, context.study.user_attrs))
    as_given = "space" in context.study.user_attrs.get(GIVEN, ()) or is_own(known.space)
    data = load(known.source(as_given))
    if data.digest != context.study.user_attrs[IDENTITY]["digest"]:
        raise InputError(f"--rescore: dataset {known.dataset!r} is not the data of the study (its digest differs)")
    model = load_keras_file(folder / "model.keras", context.name)
    from sweeps.data.target_for_loss import for_model
    from sweeps.training import as_tensors
    from sweeps.trial.repetition import rows_of

    rounds = rounds_of(context.study) if manifest.get("rounds") else ONE
    data = rounds.data(data, len(rounds) - 1, known.seed)  # the model is of the last round
    if (trial := results.trial_of(context.study, manifest["run_id"])) is not None:
        data = rows_of(trial.user_attrs, data)  # of a confirmation on folds
    rows = for_model(data, model).validation
    scores = model.evaluate(as_tensors(rows.x), rows.y, sample_weight=rows.sample_weight, return_dict=True, verbose=0)
    metric = manifest["objective"].removeprefix("val_")
    if metric not in scores or metric == manifest["objective"]:  # a metric of the training rows cannot be reproduced
        raise InputError(
            f"--rescore: the model computes {', '.join(sorted(scores))}, not the study's objective {metric!r}"
        )
    value = [*manifest["rounds"]["values"].values()][-1] if manifest.get("rounds") else manifest["value"]
    # float32 sums depend on the batch size
    if not math.isclose(scores[metric], value, rel_tol=1e-4, abs_tol=1e-6):
        yield Finding(
            str(folder),
            f"its model scores {scores[metric]:.6f}, but {value:.6f} was logged",
            f"compare with trial {manifest['trial']}: {hint('list', context.name)}",
        )
