"""The contents of `results.json` of the searches, and the file of what a run has judged so far."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import TypeAdapter

from benchmarks.records import Goal, Machine, Record
from benchmarks.search.trajectory import Tried

#: what is judged on, as `--on` names it -> the file of the results
FILES = {
    "lcbench": Path(__file__).with_name("results.json"),
    "own": Path(__file__).with_name("results_own.json"),
    "tables": Path(__file__).with_name("results_tables.json"),
}

#: what a budget is counted in
COSTS = ("epochs", "trials", "seconds")

#: the budgets, in full trials' worth
BUDGETS = (10, 20, 40, 60)

#: what the winner is judged by
FIGURES = ("accuracy", "test")


class Score(Record):
    """A method's regrets, each the mean over the seeds.

    Attributes:
        method: a name of `methods.METHODS`.
        regrets: "cost figure" -> for each budget, for each task.
    """

    method: str
    seeds: int
    regrets: dict[str, tuple[tuple[float, ...], ...]]

    def of(self, cost: str, figure: str, budget: int) -> tuple[float, ...]:
        """One for each task."""
        return self.regrets[f"{cost} {figure}"][BUDGETS.index(budget)]


class Results(Record):
    """The contents of `results.json`.

    Attributes:
        on: what is judged on, a key of `FILES`.
        judged_on: what the tasks are.
        budgets: the first of `BUDGETS`, in full trials' worth.
        judged_by: what the tables and the goals are of, one of `FIGURES`.
        tasks: their names, in the order of the regrets.
        floor: the mean regret by test of the best of the random configurations by validation.
        left_out: what was not run, and why.
    """

    machine: Machine
    on: str = "lcbench"
    judged_on: str = "LCBench's surrogate"
    judged_by: str = "accuracy"
    budgets: tuple[int, ...] = BUDGETS
    tasks: tuple[str, ...]
    floor: float
    scores: tuple[Score, ...]
    goals: tuple[Goal, ...] = ()
    left_out: tuple[str, ...] = ()

    def save(self, file: Path) -> None:
        """Write JSON with one list of numbers on each line."""
        rest = self.model_dump(mode="json")
        scores = [json.dumps(score) for score in rest.pop("scores")]
        text = json.dumps(rest, indent=1, ensure_ascii=False)
        lines = ",\n  ".join(scores)
        file.write_text(f'{text[:-2]},\n "scores": [\n  {lines}\n ]\n}}\n', encoding="utf-8")


_TRIALS = TypeAdapter(list[Tried])


class Kept:
    """Searches that have ended, in a file of JSON lines, so that a run that was interrupted goes on.

    They are known by the method's name: who changes a method, the space, the epochs or the longest budget begins
    another file.

    Args:
        file: None: nothing is kept. What an interrupted run has half written at its end is cut off.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._known: dict[str, list[Tried]] = {}
        if file is not None and file.is_file():
            text = file.read_text(encoding="utf-8")
            whole = text[: text.rfind("\n") + 1]
            if whole != text:
                file.write_text(whole, encoding="utf-8")
            for line in whole.splitlines():
                entry = json.loads(line)
                self._known[entry["search"]] = _TRIALS.validate_python(entry["trials"])

    def get(self, method: str, task: str, seed: int) -> list[Tried] | None:
        """The trials of a search; None where it has not ended yet."""
        return self._known.get(f"{method} {task} {seed}")

    def keep(self, method: str, task: str, seed: int, trials: list[Tried]) -> None:
        """Append a search."""
        if self._file is None:
            return
        entry = {"search": f"{method} {task} {seed}", "trials": _TRIALS.dump_python(trials)}
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(entry) + "\n")
