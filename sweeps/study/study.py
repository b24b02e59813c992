"""The study: Optuna's, in a journal file."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.storages import JournalStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeps.errors import CorruptStore, InputError, SweepError, unknown
from sweeps.space.fingerprint import SpaceSource
from sweeps.storage.journal import WholeRecords
from sweeps.storage.listing import ListingStorage
from sweeps.storage.shared import address_of, records_of
from sweeps.study import retries
from sweeps.study.attributes import (
    BRACKETS,
    BY_NUMBER,
    CONTINUES,
    COUNTS_FAILED,
    FIGURES,
    IDENTITY,
    PARAMS,
    REMOVED_MODELS,
    RETRY_OF,
    TOTAL,
)
from sweeps.study.history import attributes_of, history_of
from sweeps.study.identity import OBJECTIVES, UNKNOWN_SOURCE, Identity, check_identity, remember_place
from sweeps.study.multi_objective import MultiObjectiveSampler
from sweeps.study.rounds import ONE, Rounds
from sweeps.study.samplers import Hyperband, WithinRound, is_model_based, make_pruner, make_sampler
from sweeps.system.paths import CHECKPOINTS

# what a person is told of trials, the progress tells
optuna.logging.set_verbosity(optuna.logging.WARNING)

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def is_feasible(trial: FrozenTrial) -> bool:
    """Whether a trial keeps the constraints of its study, as far as it has come to be held to them."""
    return all(violation <= 0 for violation in trial.constraints.values())


@dataclass(frozen=True)
class Objective:
    """What is searched for: a metric of the epoch's logs, and where better lies.

    Attributes:
        others: what is searched for beside it: directions by the name of a metric or of a figure.
    """

    metric: str
    direction: str  # "maximize" or "minimize"
    others: Mapping[str, str] = field(default_factory=dict, hash=False)

    def better(self, value: float, than: float | None) -> bool:
        """Whether `value` beats `than` (None: whatever comes first wins)."""
        return than is None or (value > than if self.direction == "maximize" else value < than)

    def ranked(self, trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        """The COMPLETE trials with a finite value, best first; among equals the one with the better values of the other
        objectives, then the earlier one; without those that break a constraint and those that train another one on."""
        complete = [
            trial
            for trial in own(trials)
            if trial.state == TrialState.COMPLETE
            and trial.value is not None
            and np.isfinite(trial.value)
            and is_feasible(trial)
        ]
        return sorted(complete, key=self.rank)

    def rank(self, trial: FrozenTrial) -> tuple[float, ...]:
        """The lower, the better."""
        values = {self.metric: trial.value} | {
            name: trial.user_attrs.get(FIGURES, {}).get(name) for name in self.others
        }
        directions = {self.metric: self.direction, **self.others}
        signed = [(-1 if directions[name] == "maximize" else 1, value) for name, value in values.items()]
        return *(math.inf if value is None else sign * value for sign, value in signed), trial.number


@dataclass(frozen=True)
class StudyRef:
    """How any process finds the study: it travels to the workers with each task."""

    name: str
    journal: Path
    sampler: str = "tpe"
    pruner: str = "median"
    epochs: int = 1
    seed: int = 0
    sampler_options: Mapping[str, int] = field(default_factory=dict)
    pruner_options: Mapping[str, int] = field(default_factory=dict)
    rounds: Rounds = ONE
    others: Mapping[str, str] = field(default_factory=dict)  # objectives beside the first, see `Objective`

    @property
    def checkpoints(self) -> Path:
        """Where running trials are saved."""
        return self.journal.parent / CHECKPOINTS

    @property
    def states(self) -> Path:
        """Where the last states of the best trials are."""
        return self.journal.parent / "states"

    def sampler_of(self, number: int, attempt: int = 0) -> BaseSampler:
        """The sampler of trial `number`, seeded by it: what a trial draws then follows from its number, not from what
        this process, or another one, has drawn before.

        Args:
            attempt: how often the trial was drawn before.
        """
        made = make_sampler(self.sampler, self.seed, number, self.sampler_options, attempt)
        return MultiObjectiveSampler(made, self.others) if self.others and is_model_based(self.sampler) else made

    def open(self) -> optuna.Study:
        """The study; what draws a trial of it is `sampler_of` its number.

        Raises:
            CorruptStore: the journal cannot be read.
        """
        study = _load(self.name, self.journal)
        study.sampler = self.sampler_of(0)
        study.pruner = make_pruner(self.pruner, self.epochs, self.pruner_options)
        if isinstance(study.pruner, Hyperband) and BRACKETS not in study.user_attrs:
            study.pruner.key = study.study_name
        if len(self.rounds) > 1:
            study.pruner = WithinRound(study.pruner, self.epochs)
        return study


def trial_seed(seed: int, number: int) -> int:
    """The seed of everything random in trial `number`: weights, dropout, shuffles (below 2**31)."""
    return int(np.random.SeedSequence([seed, number, 1]).generate_state(1)[0] >> 1)


def create(ref: StudyRef, identity: Identity, source: SpaceSource = UNKNOWN_SOURCE) -> optuna.Study:
    """The study, made when it is not there yet.

    Raises:
        InputError: it is there with another identity; the differences are named.
        CorruptStore: the journal cannot be read.
    """
    ref.journal.parent.mkdir(parents=True, exist_ok=True)
    direction = StudyDirection[identity.direction.upper()]
    records = records_of(ref.journal)
    with _readable(ref.journal):
        storage = JournalStorage(records)
        study = optuna.create_study(storage=storage, study_name=ref.name, direction=direction, load_if_exists=True)
        is_new = IDENTITY not in study.user_attrs
        if is_new:
            forget(ref.journal)  # of an earlier study, whose folder was removed
            study.set_user_attr(BRACKETS, BY_NUMBER)
            study.set_user_attr(IDENTITY, asdict(identity))
    if not is_new:
        check_identity(study, identity, source)
        if source.changes(study):  # accepted
            declared = {"hyperparameters": dict(identity.hyperparameters)}
            study.set_user_attr(IDENTITY, study.user_attrs[IDENTITY] | declared)
    source.remember(study)
    remember_place(study, identity.space, source)
    return ref.open()


def load(name: str, journal: Path) -> optuna.Study:
    """An existing study, for reading.

    Raises:
        InputError: there is none.
        CorruptStore: the journal cannot be read.
    """
    if not begun(journal):
        raise unknown("study", name, sorted(p.parent.name for p in journal.parent.parent.glob("*/journal.log")))
    return _load(name, journal)


def backend_of(journal: Path) -> WholeRecords:
    """The file of a study that this process has opened."""
    storage = _open[journal]._storage
    assert isinstance(storage, JournalStorage)
    assert isinstance(storage._backend, WholeRecords)
    return storage._backend


def forget(journal: Path | None = None) -> None:
    """Let this process read the journal anew when it next opens the study; None: those of all studies."""
    if journal is None:
        _open.clear()
    else:
        _open.pop(journal, None)


def begun(journal: Path) -> bool:
    """Whether the study was made; a process may have died, or be about to go on, before that.

    Raises:
        CorruptStore: the journal is no file, or cannot be read.
    """
    try:
        with journal.open("rb") as file:
            return file.readline().endswith(b"\n")
    except FileNotFoundError:
        return False
    except OSError as error:
        raise CorruptStore(f"the journal {journal} cannot be read: {error.strerror}") from None


def objective_of(study: optuna.Study) -> Objective:
    """The objective that the study was begun with.

    Raises:
        InputError: its first start ended before it had one.
    """
    identity = attributes_of(study).get(IDENTITY)
    if identity is None:
        raise InputError(f"study {study.study_name!r} was not begun: its first start ended before. Give it again")
    return Objective(identity["objective"], identity["direction"], identity.get("options", {}).get(OBJECTIVES, {}))


def missing(study: optuna.Study, total: int) -> int:
    """How many trials the total still lacks."""
    return max(0, total - count(study))


class _Counted:
    """How many trials ended well, without those that train another one on."""

    def __init__(self) -> None:
        self.number = 0

    def add(self, trial: FrozenTrial) -> None:
        self.number += trial.state in FINISHED and CONTINUES not in trial.user_attrs


def count(study: optuna.Study) -> int:
    """How many trials count towards the total: see `counted`."""
    if attributes_of(study).get(COUNTS_FAILED):
        return len(counted(study))
    return history_of(study).index(_Counted).number


def counted(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that count towards the total: those that ended well (COMPLETE or PRUNED); in a study that counts
    failures, also those that failed for good."""
    trials = own(study.get_trials(deepcopy=False))
    failed = retries.given_up(trials) if study.user_attrs.get(COUNTS_FAILED) else []
    return [trial for trial in trials if trial.state in FINISHED] + failed


def at_once(study: optuna.Study | None, total: int, jobs: int) -> int:
    """How many trials are run at once: no more than the study lacks; None is a study that is not begun."""
    return max(1, min(jobs, total if study is None else missing(study, total)))


def own(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Without those that train another one on."""
    return [trial for trial in trials if CONTINUES not in trial.user_attrs]


_open: dict[Path, optuna.Study] = {}


def _load(name: str, journal: Path) -> optuna.Study:
    # kept open: a journal is replayed once a process, after that only what is new is read
    if journal in _open and backend_of(journal).address != address_of(journal.parent):
        forget(journal)  # another process has moved it
    if journal not in _open:
        records = records_of(journal)
        with _readable(journal):
            storage = ListingStorage(records)
            names = [each.study_name for each in storage.get_all_studies()]
            if name not in names:
                raise ValueError(f"it is of {', '.join(map(repr, names)) or 'no study'}, not of {name!r}")
            study = optuna.load_study(study_name=name, storage=storage)
            _check_values(study)
            _open[journal] = study
    return _open[journal]


def _check_values(study: optuna.Study) -> None:
    """Raises: ValueError: records that can be replayed hold what no study has."""
    identity, total = study.user_attrs.get(IDENTITY), study.user_attrs.get(TOTAL, 0)
    if identity is not None:
        if not isinstance(identity, dict) or not isinstance(identity.get("objective"), str):
            raise ValueError("the study does not say what it was begun with")
        if identity.get("direction") not in ("maximize", "minimize"):
            raise ValueError(f"its direction is {identity.get('direction')!r}")
        others = identity.get("options", {}).get(OBJECTIVES, {})
        if not isinstance(others, dict) or not {*others.values()} <= {"maximize", "minimize"}:
            raise ValueError(f"its other objectives are {others!r}")
        if not isinstance(identity.get("epochs", 0), int):
            raise ValueError(f"its trials have {identity['epochs']!r} epochs")
    if not isinstance(total, int):
        raise ValueError(f"its total is {total!r}")
    removed = study.user_attrs.get(REMOVED_MODELS, "")
    if not isinstance(removed, str) or not re.fullmatch(r"(\d{1,7}(-\d{1,7})?(,\d{1,7}(-\d{1,7})?)*)?", removed):
        raise ValueError(f"its removed models are {removed!r}")
    for trial in study.get_trials(deepcopy=False):
        former, attributes = trial.number - 1, trial.user_attrs
        before = [attributes[name] for name in (RETRY_OF, CONTINUES) if name in attributes]
        if not all(isinstance(number, int) and 0 <= number <= former for number in before):
            raise ValueError(f"trial {trial.number} follows the trials {before!r}")
        if not all(isinstance(step, int) for step in trial.intermediate_values):
            raise ValueError(f"trial {trial.number} has the epochs {list(trial.intermediate_values)!r}")
        if not isinstance(attributes.get(PARAMS, {}), dict):
            raise ValueError(f"trial {trial.number} has the hyperparameters {attributes[PARAMS]!r}")
        values = trial.values or []
        if trial.state == TrialState.COMPLETE and (len(values) != 1 or not isinstance(values[0], int | float)):
            raise ValueError(f"trial {trial.number} is COMPLETE and has the values {trial.values!r}")


@contextlib.contextmanager
def _readable(journal: Path) -> Iterator[None]:
    """Turns what Optuna raises over a damaged journal into a `CorruptStore` that names the file."""
    try:
        yield
    except SweepError:
        raise
    except OSError as error:
        if not isinstance(error, IsADirectoryError | PermissionError):
            raise  # of a disk, not of the journal
        raise CorruptStore(f"the journal {journal} cannot be read: {error.strerror}") from error
    except AssertionError as error:
        raise CorruptStore(
            f"the journal {journal} is damaged: it holds an operation that Optuna does not know"
        ) from error
    except Exception as error:  # records that do not fit each other make any part of its replay fail
        raise CorruptStore(f"the journal {journal} is damaged: {error or type(error).__name__}") from error
