"""The study's trials: none too many, none that nobody works at, no result that is no number; their checkpoints."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from optuna.trial import TrialState

from sweeps.doctor.finding import Finding, StudyContext
from sweeps.study.attributes import RESULT, TOTAL
from sweeps.study.retries import checkpoints_left
from sweeps.study.study import FINISHED, own
from sweeps.trial.reaper import reap


def check_trials(context: StudyContext) -> Iterator[Finding]:
    """Compare the trials with the budget, and with who is there to work at them."""
    study = context.study
    trials = study.get_trials(deepcopy=False)
    counted = sum(trial.state in FINISHED for trial in own(trials))
    total = int(study.user_attrs.get(TOTAL, 0))
    if counted > total:
        yield Finding(
            f"study {context.name}",
            f"{counted} trials are COMPLETE or PRUNED, its total is {total}",
            f"they cannot be taken back; a total that fits: sweeps run {context.name} … --trials {counted}",
        )
    for trial in trials:
        if trial.state == TrialState.COMPLETE and not math.isfinite(trial.value or 0.0):
            yield Finding(
                f"trial {trial.number}",
                f"COMPLETE with the value {trial.value}",
                "it cannot be taken back; it is never best",
            )
        gone = [name for name in RESULT if trial.user_attrs.get(name) is None]
        if trial.state == TrialState.COMPLETE and gone:
            yield Finding(
                f"trial {trial.number}",
                f"COMPLETE without its {', '.join(gone)}: the journal has lost lines",
                "they cannot be brought back but from a copy of the journal",
            )
    if context.alive:
        return
    for trial in trials:
        if trial.state == TrialState.RUNNING:
            yield Finding(
                f"trial {trial.number}",
                "RUNNING, though no process works at it",
                "fails it and closes its run",
                partial(reap, study, context.store),
            )
    if counted >= total:  # else a resume goes on from them
        for path in checkpoints_left(study, context.folder / "checkpoints"):
            yield Finding(str(path), "a checkpoint that no trial goes on from", "removes it", path.unlink)
