"""A sweep from its configuration to its end: look first, then store and search."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from sweeps import study as studies
from sweeps import workspace
from sweeps.config import SweepConfig
from sweeps.data import Dataset, DataSource, load
from sweeps.engine import Watcher, slots
from sweeps.errors import InputError
from sweeps.packed import PackedSpace
from sweeps.plan import Looked, Space, SweepRequest
from sweeps.study import Identity
from sweeps.tasks import preflight


def run(config: SweepConfig, watcher: Watcher, space: Space | None = None, data: Dataset | None = None) -> None:
    """Run the trials that the study still lacks.

    Args:
        space: a build function or a HyperModel in memory; None: the one that the configuration names.
        data: a dataset in memory, sent to each worker once; None: the one that the configuration names.

    Raises:
        InputError: the configuration, the data or the space is wrong; nothing was written.
        TrialsFailed: too many trials failed in a row.
        BackendUnreachable: the tracking store does not answer.
        CorruptStore: the study's journal cannot be read.
    """
    request = look(config, space)
    if _complete(config, request):
        return
    if data is None:
        load(request.source)  # here too, so that what is wrong with the data is said before anything is started
    deadline = time.monotonic() + config.time_budget if config.time_budget else None
    with slots(config.jobs) as client:
        sent = None if data is None else client.scatter(data, broadcast=True)
        looking = client.submit(preflight, request, sent, pure=False)
        # imports MLflow, while the workers import TensorFlow
        from sweeps.search import search

        search(Looked(config, request, looking.result()), client, watcher, deadline, sent)


def look(config: SweepConfig, space: Space | None = None) -> SweepRequest:
    """What can be checked without TensorFlow; the rest is checked in a worker.

    Raises:
        InputError: a name or a file is wrong.
    """
    studies.check_names(config.sampler, config.pruner)
    return SweepRequest(
        space=_absolute(config.space) if space is None else PackedSpace.of(space),
        source=DataSource(config.dataset, target=config.target, seed=config.seed).absolute(),
        set=config.set,
        objective=config.objective,
        enqueue=_read_enqueue(config.enqueue) if config.enqueue else (),
        seed=config.seed,
        grid=config.sampler == "grid",
    )


def _absolute(space: str) -> str:
    """`path/file.py:function` for workers in another working directory."""
    path, colon, name = space.rpartition(":")
    return f"{Path(path).absolute()}:{name}" if colon and path.endswith(".py") else space


def _read_enqueue(file: Path) -> tuple[dict[str, Any], ...]:
    try:
        listed = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"--enqueue: {str(file)!r} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"--enqueue: {str(file)!r} is not JSON: {error}") from None
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise InputError(f"--enqueue: {str(file)!r} must hold a list of parameter dictionaries: [{{…}}, …]")
    return tuple(listed)


def _complete(config: SweepConfig, request: SweepRequest) -> bool:
    """Whether all trials are there already, so that there is nothing to start processes for."""
    journal = workspace.journal(config.study)
    if not journal.is_file() or request.enqueue:
        return False
    study = studies.load(config.study, journal)
    known = study.user_attrs.get(studies.IDENTITY)
    if known is None:  # its first start died before it had one
        return False
    asked = config.objective.partition(":")[0] if config.objective else known["objective"]
    wanted = Identity(**{**known, **config.identity(), "objective": asked})
    studies.check_identity(config.study, known, wanted)
    return studies.missing(study, config.trials) == 0
