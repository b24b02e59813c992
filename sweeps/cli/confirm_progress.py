"""What one sees of a running confirmation."""

from __future__ import annotations

from rich.console import Console

from sweeps.cli.progress import Progress
from sweeps.confirm.run import Request
from sweeps.engine.scheduler import SearchBegun
from sweeps.study import results
from sweeps.study import study as studies
from sweeps.study.attributes import CONFIG, REPETITION, TOTAL
from sweeps.system import paths
from sweeps.trial.plan import OutcomeState, TrialOutcome


class ConfirmProgress(Progress):
    """Shows the repetitions while they are trained."""

    _what = "run"

    def __init__(self, console: Console, request: Request) -> None:
        jobs = request.jobs or results.open_study(request.study).user_attrs.get(CONFIG, {}).get("jobs", 1)
        super().__init__(console, None, jobs, {})
        self._study = request.study

    def begin(self, begun: SearchBegun) -> None:
        """The first begins; how many there are is known now."""
        study = studies.load(self._study, paths.confirm_journal(self._study))
        self._total = int(study.user_attrs[TOTAL])
        self._counts[OutcomeState.COMPLETE] = len(studies.counted(study))
        super().begin(begun)

    def _named(self, number: int) -> str:
        """`trial 7, seed 1730114`, or `trial 7, fold 2`."""
        if number < 0:
            return str(number)
        trial = studies.load(self._study, paths.confirm_journal(self._study)).get_trials(deepcopy=False)[number]
        repeats = trial.user_attrs[REPETITION]
        fold = repeats["fold"]
        return f"{repeats['confirms']}, " + (f"seed {repeats['seed']}" if fold is None else f"fold {fold + 1}")

    def _is_best(self, outcome: TrialOutcome) -> bool:
        return False  # a single run says nothing

    @property
    def _done(self) -> int:
        """A repetition that has failed is one."""
        return super()._done + self._counts[OutcomeState.FAIL]
