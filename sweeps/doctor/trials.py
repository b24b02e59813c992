"""The study's trials: their count, their states, their results and their checkpoints."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from optuna.trial import TrialState

from sweeps.doctor.finding import Finding, StudyContext
from sweeps.study.attributes import RESULT, TOTAL
from sweeps.study.retries import checkpoints_left
from sweeps.study.study import FINISHED, own
from sweeps.system.commands import hint
from sweeps.system.paths import CHECKPOINTS
from sweeps.trial.reaper import reap


def check_trials(context: StudyContext) -> Iterator[Finding]:
    """Compare the trials with the study's total and with the processes that run them."""
    study = context.study
    trials = study.get_trials(deepcopy=False)
    counted = sum(trial.state in FINISHED for trial in own(trials))
    total = int(study.user_attrs.get(TOTAL, 0))
    if counted > total:
        yield Finding(
            f"study {context.name}",
            f"{counted} trials are COMPLETE or PRUNED, its total is {total}",
            f"raise the total: {hint('resume', context.name, '--trials', str(counted))}",
        )
    for trial in trials:
        where = context.trial(trial.number)
        if trial.state == TrialState.COMPLETE and not math.isfinite(trial.value or 0.0):
            what = f"COMPLETE with the value {trial.value}"
            yield Finding(where, what, "it cannot be undone, but the trial is never the best")
        missing = [name for name in RESULT if trial.user_attrs.get(name) is None]
        if trial.state == TrialState.COMPLETE and missing:
            what = f"COMPLETE without its {', '.join(missing)}: the journal has lost lines"
            yield Finding(where, what, "restore the journal from a backup")
        if trial.state == TrialState.RUNNING and not context.alive:
            fail = partial(reap, study, context.store)
            yield Finding(where, "RUNNING, but no process works on it", "fails it and closes its run", fail)
    if not context.alive and counted >= total:  # a resume needs the checkpoints of a study that lacks trials
        for path in checkpoints_left(study, context.folder / CHECKPOINTS):
            yield Finding(str(path), "a checkpoint that no trial will resume from", "removes it", path.unlink)
