"""`sweeps run` as a person sees it: what is about to happen, the progress, the best, what to type next."""

from __future__ import annotations

import signal
import time

import optuna
from rich.console import Console

from sweeps.cli.command_line import to_go_on
from sweeps.cli.progress import Progress
from sweeps.cli.trial_table import show
from sweeps.config import SweepConfig
from sweeps.engine import sweep
from sweeps.errors import Interrupted, SweepError
from sweeps.space.registered import check_set
from sweeps.study import baselines, confirmation, pareto, results, study
from sweeps.study.leaderboard import duration, leaderboard
from sweeps.system import paths, signals
from sweeps.system.commands import hint, hints


def run_sweep(config: SweepConfig, console: Console) -> None:
    """Run a sweep and show it.

    Raises:
        Interrupted: by Ctrl-C or SIGTERM; the message holds the command that goes on.
        SweepError: see `sweeps.engine.sweep.run`.
    """
    check_set(config.space, config.set)  # before a word is said of a sweep that will not be
    signals.listen(f"ended at once; go on with\n  {to_go_on(config)}")
    done, begun, jobs = counts(config.study), time.monotonic(), sweep.jobs_of(config)
    console.print(announcement(config, jobs), highlight=False, markup=False, soft_wrap=True)
    try:
        with Progress(console, config.trials, 0 if config.cluster else jobs, done) as progress:
            sweep.run(config, progress)
    except (KeyboardInterrupt, Interrupted) as stop:
        show_best(config.study, console)
        signum = stop.exit_code - 128 if isinstance(stop, Interrupted) else signal.SIGINT
        raise Interrupted(f"{str(stop) or 'interrupted'}; go on with\n  {to_go_on(config)}", signum) from None
    show_best(config.study, console)
    found = results.open_study(config.study)
    if not config.confirm and results.top(found, 1) and confirmation.current(found) is None:
        checking = hint("confirm", config.study)
        console.print(
            f"{checking} checks the winner on other seeds or folds", highlight=False, markup=False, soft_wrap=True
        )
    if said := config.budget.reason(found):
        console.print(said, highlight=False, markup=False, soft_wrap=True)
    elif said := unfinished(config, found, begun):
        # without a limit: one that was too short for a trial would be so again
        whole = to_go_on(config.model_copy(update={"time_budget": None}))
        console.print(f"{said}; go on with\n  {whole}", highlight=False, markup=False, soft_wrap=True)


def announcement(config: SweepConfig, jobs: int) -> str:
    """What is about to be run, in a line."""
    slots = f"{jobs} at once" if config.cluster is None else f"on the workers of {config.cluster}"
    rounds = f"{config.rounds} of " if len(config.rounds) > 1 else ""
    return (
        f"study {config.study}: {_count(config.trials, 'trial')} of {rounds}{_count(config.epochs, 'epoch')}, "
        f"dataset {config.dataset}, space {config.space}, {slots}"
    )


def unfinished(config: SweepConfig, found: optuna.Study, begun: float) -> str:
    """How many trials are missing after a sweep that its time budget has ended; empty after any other.

    Args:
        found: the study that it has left.
        begun: its `time.monotonic()`.
    """
    if config.time_budget is None or time.monotonic() - begun < config.time_budget:
        return ""
    missing = study.missing(found, config.trials)
    of = f"{missing} of {config.trials} trials are missing"
    return f"the time budget of {duration(config.time_budget)} is over: {of}" if missing else ""


def show_best(name: str, console: Console, n: int = 5) -> None:
    """The `n` best trials and the commands that come next; nothing for a study without a complete trial."""
    if not study.begun(paths.journal(name)):
        return
    found = results.open_study(name)
    rows, status = results.top(found, n), results.status(found)
    if not rows:
        if status.infeasible:
            console.print(f"{status.in_words}: no trial keeps the constraints", highlight=False, soft_wrap=True)
        return
    # imports scikit-learn and SciPy, which a sweep's beginning has no time for
    from sweeps.cli import ending

    show(console, leaderboard(found, rows, f"best_{study.objective_of(found).metric}"))
    front = [f"{said}; see {hint('best', name)}"] if (said := pareto.sentence(found)) else []
    for sentence in (*front, *ending.sentences(found), *baselines.sentences(found)):
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)
    states = status.in_words
    if status.epochs_saved:
        states += f"; {status.epochs_spent} epochs trained, {status.epochs_saved} saved by pruning"
    following = hints(name, "best", "report", "export", "ui")
    console.print(f"{states}. Next: {following}", highlight=False, soft_wrap=True)


def _count(number: int, what: str) -> str:
    """`1 trial`, `2 trials`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def counts(name: str) -> dict[str, int]:
    """Trials by state, of a study that may not be there yet."""
    if not study.begun(paths.journal(name)):
        return {}
    try:
        return results.status(results.open_study(name)).trials
    except (SweepError, KeyError):
        return {}
