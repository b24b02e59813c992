"""What it costs TPE to see a part of the trials: `python -m benchmarks.search.windows`.

Searches that see all trials and searches that see a limited number of them are the same up to that number, and go on
from there each in its own way. Their winners are compared: on LCBench at a limit so small that it matters, and on
functions of ten hyperparameters at the limit that sweeps have.
"""

from __future__ import annotations

import itertools
import math
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import click
import optuna
from optuna.trial import TrialState

from benchmarks.search import judge, lcbench
from benchmarks.table import markdown
from sweeps.study.samplers import make_sampler
from sweeps.study.tpe import LIMIT, TPE

#: the value of a trial, the higher the better, from 0 (as the median of random ones) to 1 or above
Value = Callable[[optuna.Trial], float]
ALL = 10**9


@dataclass(frozen=True)
class Compared:
    """One pair of searches.

    Attributes:
        seen, all: the best values after so many trials, with the limit and without.
    """

    seen: tuple[float, ...]
    all: tuple[float, ...]


def compare(value: Value, seed: int, limit: int, looks: Sequence[int]) -> Compared:
    """Search up to the limit once, then on in two ways.

    Args:
        looks: after how many trials the best value is looked at.
    """
    begun = optuna.create_study(direction="maximize")
    _search(begun, value, seed, limit, limit)
    best: dict[int, tuple[float, ...]] = {}
    for seen in (limit, ALL):
        study = optuna.create_study(direction="maximize")
        study.add_trials(begun.get_trials(deepcopy=False))
        found = []
        for look in looks:
            _search(study, value, seed, look, seen)
            found.append(study.best_value)
        best[seen] = tuple(found)
    return Compared(best[limit], best[ALL])


def _search(study: optuna.Study, value: Value, seed: int, trials: int, limit: int) -> None:
    for number in range(len(study.get_trials(deepcopy=False)), trials):
        sampler = make_sampler("tpe", seed, number)
        assert isinstance(sampler, TPE)
        sampler.limit = limit
        study.sampler = sampler
        trial = study.ask()
        study.tell(trial, value(trial), TrialState.COMPLETE)


def on_lcbench(judged: judge.Judged) -> Value:
    """Less the regret of a full training."""

    def value(trial: optuna.Trial) -> float:
        params = {name: trial._suggest(name, kind) for name, kind in judged.task.space.items()}
        accuracy = float(judged.task.curves([params]).best_epochs()[0][0])
        return -judged.yardstick.accuracy.regret(accuracy)

    return value


def ackley(trial: optuna.Trial) -> float:
    """Many local optima around one."""
    x = [trial.suggest_float(f"x{n}", -20, 30) for n in range(10)]
    depth = math.exp(-0.2 * math.sqrt(statistics.fmean(each**2 for each in x)))
    return 20 * depth + math.exp(statistics.fmean(math.cos(2 * math.pi * each) for each in x))


def rosenbrock(trial: optuna.Trial) -> float:
    """A curved valley: the logarithm of its height."""
    x = [trial.suggest_float(f"x{n}", -2, 2) for n in range(10)]
    return -math.log10(sum(100 * (after - each**2) ** 2 + (1 - each) ** 2 for each, after in itertools.pairwise(x)))


def mixed(trial: optuna.Trial) -> float:
    """As a network's: rates on a logarithmic scale, widths, choices, and layers that only some trials have."""
    rate, decay = trial.suggest_float("rate", 1e-5, 1, log=True), trial.suggest_float("decay", 1e-6, 1e-1, log=True)
    kind = trial.suggest_categorical("kind", ["sgd", "adam", "rmsprop"])
    best = {"sgd": -1.0, "adam": -3.0, "rmsprop": -3.2}[kind]
    loss = 0.3 * (math.log10(rate) - best) ** 2 + 0.1 * (math.log10(decay) + 4) ** 2 + 0.2 * (kind == "rmsprop")
    layers = trial.suggest_int("layers", 1, 4)
    for layer in range(layers):
        units = trial.suggest_int(f"units{layer}", 16, 512, step=16)
        loss += 0.2 * (math.log2(units) - 8 + layer) ** 2 / layers
    loss += (trial.suggest_float("drop", 0, 0.5) - 0.2) ** 2 + 0.1 * (layers - 3) ** 2
    return -math.log10(loss + 1e-4)


FUNCTIONS = {"ackley": ackley, "rosenbrock": rosenbrock, "mixed": mixed}


def row(name: str, limit: int, looks: Sequence[int], pairs: Sequence[Compared]) -> list[str]:
    """The mean difference between the two at each look, with its standard error."""
    cells = []
    for place in range(len(looks)):
        gains = [pair.seen[place] - pair.all[place] for pair in pairs]
        error = statistics.stdev(gains) / math.sqrt(len(gains)) if len(gains) > 1 else math.nan
        after = statistics.fmean(pair.all[place] for pair in pairs)
        cells.append(f"{looks[place]}: {after:.3f}, {statistics.fmean(gains):+.3f} ± {error:.3f}")
    return [name, str(limit), str(len(pairs)), *cells]


def _rows(folder: str | None, tasks: int, seeds: int, smoke: bool) -> Iterator[list[str]]:
    limit: int
    looks: tuple[int, ...]
    if lcbench.missing(folder) is None:
        judged = judge.prepare(lcbench.tasks(str(folder)), 200 if smoke else None)[:tasks]
        limit, looks = (15, (20, 25)) if smoke else (60, (100, 200, 300))
        pairs = [compare(on_lcbench(each), seed, limit, looks) for each in judged for seed in range(seeds)]
        yield row("LCBench", limit, looks, pairs)
    limit, looks = (30, (40,)) if smoke else (LIMIT, (1250, 1500, 2000))
    for name, value in FUNCTIONS.items():
        yield row(name, limit, looks, [compare(value, seed, limit, looks) for seed in range(seeds)])


@click.command()
@click.option("--smoke", is_flag=True, help="A quick check with a few dozen trials.")
@click.option("--tasks", default=34, help="How many of LCBench's tasks.  [34]")
@click.option("--seeds", default=3, help="How many seeds.  [3]")
@click.option("--lcbench", "folder", default=os.environ.get(lcbench.VARIABLE), help=f"[${lcbench.VARIABLE}]")
def main(smoke: bool, tasks: int, seeds: int, folder: str | None) -> None:
    """Compare searches that see a part of the trials with those that see all."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    click.echo(
        "After so many trials: the best value of those that see all, and what the limit adds to it (more is better)"
    )
    for cells in _rows(folder, tasks, seeds, smoke):
        click.echo(markdown(cells, []).splitlines()[0])


if __name__ == "__main__":
    main()
