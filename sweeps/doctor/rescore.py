"""The exported model scored once more on the data that the study was searched with."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from sweeps.data import DataSource, load
from sweeps.doctor.exported import check_export
from sweeps.doctor.finding import Finding, StudyContext
from sweeps.errors import InputError
from sweeps.export.keras_file import load_keras_file
from sweeps.space.reference import is_own
from sweeps.study import results
from sweeps.study.study import GIVEN, IDENTITY, PARENT_RUN
from sweeps.system import paths
from tracking.audit import run_params


def check_score(context: StudyContext) -> Iterator[Finding]:
    """Evaluate the export on the validation rows, if it is what its manifest says.

    Raises:
        InputError: there is no export, its data cannot be had, or its metric is not one that a model computes.
    """
    if any(check_export(context)):
        return
    folder = paths.export_folder(context.name)
    if not folder.exists():
        raise InputError(f"--rescore: {folder} is not there; make it: sweeps export {context.name}")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if manifest.get("prepared"):
        raise InputError("--rescore: the space's fit prepares the data, which only a trial does")
    asked = run_params(context.store, results.whole(context.study, PARENT_RUN, context.study.user_attrs))
    target, task, weights = (asked.get(name) for name in ("target", "task", "weight_column"))
    own = "space" in context.study.user_attrs.get(GIVEN, ()) or is_own(asked["space"])
    data = load(DataSource(asked["dataset"], target, task, int(asked["seed"]), weight_column=weights, as_given=own))
    if data.digest != context.study.user_attrs[IDENTITY]["digest"]:
        raise InputError(f"--rescore: dataset {asked['dataset']!r} is not what the study was searched with")
    model = load_keras_file(folder / "model.keras", context.name)
    from sweeps.data.target_for_loss import for_model
    from sweeps.training import as_tensors

    rows = for_model(data, model).validation
    scores = model.evaluate(as_tensors(rows.x), rows.y, sample_weight=rows.sample_weight, return_dict=True, verbose=0)
    metric = manifest["objective"].removeprefix("val_")
    if metric not in scores or metric == manifest["objective"]:  # of the training rows, while the model changed
        raise InputError(
            f"--rescore: the model computes {', '.join(sorted(scores))}, the study's objective is {metric!r}"
        )
    # the order of float32 sums differs with the batch size
    if not math.isclose(scores[metric], manifest["value"], rel_tol=1e-4, abs_tol=1e-6):
        yield Finding(
            str(folder),
            f"its model scores {scores[metric]:.6f}, {manifest['value']:.6f} was logged",
            f"which is right, trial {manifest['trial']} has to show: sweeps list {context.name}",
        )
