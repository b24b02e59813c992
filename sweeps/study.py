"""The study: Optuna's, in a journal file; its samplers and pruners by name."""

from __future__ import annotations

import contextlib
import os
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeps.errors import CorruptStore, InputError, unknown

# what a person is told of trials, the progress tells
optuna.logging.set_verbosity(optuna.logging.WARNING)

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)

#: the study attribute that holds its `Identity`
IDENTITY = "sweep"
#: the study attribute that describes the data: its target's kind, class labels, columns
DATA = "data"
#: the study attribute that holds how many trials it is to have
TOTAL = "total"
#: the study attribute that holds the id of the MLflow run of the sweep
PARENT_RUN = "parent_run"
#: the trial attributes: hyperparameters as the model got them, the MLflow run, why it failed, …
PARAMS, RUN_ID, ERROR, EPOCH, MODEL_URI = "params", "run_id", "error", "epoch", "model_uri"


def _gp(seed: int) -> BaseSampler:
    try:
        import torch  # noqa: F401
    except ImportError:
        raise InputError("sampler 'gp' needs PyTorch, which is not installed: pip install torch") from None
    return optuna.samplers.GPSampler(seed=seed, deterministic_objective=False)


#: name -> sampler of a seed. CMA-ES is left out: it unpickles what the storage holds.
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, constant_liar=True),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "grid": lambda seed: optuna.samplers.BruteForceSampler(seed=seed),
    "gp": _gp,
    "qmc": lambda seed: optuna.samplers.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False),
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=20),
}


def _hyperband(factor: int) -> Callable[[int], BasePruner]:
    return lambda epochs: optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=factor)


#: name -> pruner of the epochs a trial has
PRUNERS: dict[str, Callable[[int], BasePruner]] = {
    "none": lambda epochs: optuna.pruners.NopPruner(),
    "median": lambda epochs: optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=max(1, epochs // 5)),
    "percentile": lambda epochs: optuna.pruners.PercentilePruner(25.0, n_warmup_steps=max(1, epochs // 5)),
    "hyperband": _hyperband(3),
    **{f"hyperband-{factor}": _hyperband(factor) for factor in (2, 4, 5, 6, 7, 8, 9, 10)},
    "asha": lambda epochs: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    "wilcoxon": lambda epochs: optuna.pruners.WilcoxonPruner(n_startup_steps=2),
}

#: samplers that walk one sequence together, and so need one seed in all workers
_SEQUENCES = {"qmc"}


@dataclass(frozen=True)
class Objective:
    """What is searched for: a metric of the epoch's logs, and where better lies."""

    metric: str
    direction: str  # "maximize" or "minimize"

    def better(self, value: float, than: float | None) -> bool:
        """Whether `value` beats `than` (None: whatever comes first wins)."""
        return than is None or (value > than if self.direction == "maximize" else value < than)

    def best(self, trials: Iterable[FrozenTrial]) -> FrozenTrial | None:
        """The COMPLETE trial with the best finite value, the earliest among equals; None without one."""
        found: FrozenTrial | None = None
        for trial in trials:
            if trial.state != TrialState.COMPLETE or trial.value is None or not np.isfinite(trial.value):
                continue
            if found is None or self.better(trial.value, found.value):
                found = trial
        return found


@dataclass(frozen=True)
class Identity:
    """What a resume must not change: a study whose trials differ in these compares nothing."""

    space: str
    dataset: str
    digest: str
    objective: str
    direction: str
    epochs: int
    seed: int
    set: tuple[str, ...]


@dataclass(frozen=True)
class StudyRef:
    """How any process finds the study: it travels to the workers with each task."""

    name: str
    journal: Path
    sampler: str = "tpe"
    pruner: str = "hyperband"
    epochs: int = 1
    seed: int = 0

    def open(self, draw: int = 0) -> optuna.Study:
        """The study, with a sampler of its own for the sweep's `draw`-th task: two workers that sampled
        from equal random states would propose equal trials.

        Raises:
            CorruptStore: the journal cannot be read.
        """
        study = _load(self.name, self.journal)
        study.sampler = make_sampler(self.sampler, self.seed, draw)
        with _no_warning_of_experiments():
            study.pruner = PRUNERS[self.pruner](self.epochs)
        return study


def check_names(sampler: str, pruner: str) -> None:
    """Raises:
    InputError: the sampler or the pruner is unknown, or needs what is not installed.
    """
    if sampler not in SAMPLERS:
        raise unknown("sampler", sampler, SAMPLERS)
    if pruner not in PRUNERS:
        raise unknown("pruner", pruner, PRUNERS)
    make_sampler(sampler, 0, 0)


def make_sampler(name: str, seed: int, draw: int) -> BaseSampler:
    """The sampler of that name, seeded by the study's seed and by which draw of the sweep it is for."""
    sequence = seed if name in _SEQUENCES else int(np.random.SeedSequence([seed, draw]).generate_state(1)[0])
    with _no_warning_of_experiments():
        return SAMPLERS[name](sequence)


@contextlib.contextmanager
def _no_warning_of_experiments() -> Iterator[None]:
    """Optuna warns of parts that may change; its version is bounded here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def trial_seed(seed: int, number: int) -> int:
    """The seed of everything random in trial `number`: weights, dropout, shuffles (below 2**31)."""
    return int(np.random.SeedSequence([seed, number, 1]).generate_state(1)[0] >> 1)


def create(ref: StudyRef, identity: Identity) -> optuna.Study:
    """The study, made when it is not there yet.

    Raises:
        InputError: it is there with another identity; the differences are named.
        CorruptStore: the journal cannot be read.
    """
    ref.journal.parent.mkdir(parents=True, exist_ok=True)
    direction = StudyDirection[identity.direction.upper()]
    with _readable(ref.journal):
        storage = _storage(ref.journal)
        study = optuna.create_study(storage=storage, study_name=ref.name, direction=direction, load_if_exists=True)
        known = study.user_attrs.get(IDENTITY)
        if known is None:
            study.set_user_attr(IDENTITY, asdict(identity))
    if known is not None:
        check_identity(ref.name, known, identity)
    return ref.open()


def mend(journal: Path) -> str | None:
    """Cut off what a process that died in mid-write left of its last record, and say so.

    Optuna reads over a torn last line, but appends to it, and from then on cannot read the file any more. The file
    as it was stays beside it as `journal.log.bak`.
    """
    if not journal.is_file():
        return None
    lock = JournalFileOpenLock(str(journal))
    lock.acquire()
    try:
        content = journal.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole == len(content):
            return None
        backup = journal.with_name(journal.name + ".bak")
        shutil.copyfile(journal, backup)
        os.truncate(journal, whole)
    finally:
        lock.release()
    return f"the journal ended in a torn record; {len(content) - whole} bytes were cut off, the former file: {backup}"


def check_identity(name: str, known: dict[str, Any], wanted: Identity) -> None:
    """Raises:
    InputError: the study was begun with something else.
    """
    now = asdict(wanted) | {"set": list(wanted.set)}
    changed = [key for key in now if key != "dataset" and known.get(key) != now[key]]
    if changed:
        difference = "; ".join(f"{key}: {known.get(key)!r} then, {now[key]!r} now" for key in changed)
        raise InputError(
            f"study {name!r} was begun with another configuration: {difference}\n"
            "Run with the same one, or name a new study (STUDY=…)"
        )


def load(name: str, journal: Path) -> optuna.Study:
    """An existing study, for reading.

    Raises:
        InputError: there is none.
        CorruptStore: the journal cannot be read.
    """
    if not journal.is_file() or not journal.stat().st_size:
        raise unknown("study", name, sorted(p.parent.name for p in journal.parent.parent.glob("*/journal.log")))
    return _load(name, journal)


def objective_of(study: optuna.Study) -> Objective:
    """The objective that the study was begun with."""
    identity = study.user_attrs[IDENTITY]
    return Objective(identity["objective"], identity["direction"])


def missing(study: optuna.Study, total: int) -> int:
    """How many trials the total still lacks: only those that ended well (COMPLETE or PRUNED) count."""
    return max(0, total - len(study.get_trials(deepcopy=False, states=FINISHED)))


_open: dict[Path, optuna.Study] = {}


def _load(name: str, journal: Path) -> optuna.Study:
    # kept open: a journal is replayed once a process, after that only what is new is read
    if journal not in _open:
        with _readable(journal):
            _open[journal] = optuna.load_study(study_name=name, storage=_storage(journal))
    return _open[journal]


def _storage(journal: Path) -> JournalStorage:
    path = str(journal.absolute())
    return JournalStorage(JournalFileBackend(path, lock_obj=JournalFileOpenLock(path)))


@contextlib.contextmanager
def _readable(journal: Path) -> Iterator[None]:
    """Turns what Optuna raises over a damaged journal into a `CorruptStore` that names the file."""
    try:
        yield
    except (ValueError, KeyError, AssertionError) as error:
        raise CorruptStore(f"the journal {journal} is damaged: {error or type(error).__name__}") from error
