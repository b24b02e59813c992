"""What hostile inputs share: a workspace that stays as it is, one worker for all, and a count at the end."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import SharedWorker

from hostile.cases import Hostile, contents, write

Refused = Callable[[Hostile], str]

#: MiB that may be taken for an input that is refused
MEMORY = 250


@pytest.fixture
def one_worker(_no_processes: None, worker: SharedWorker) -> Iterator[None]:
    """`sweeps run` uses the worker that is there."""
    with worker.lent():
        yield


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the client can see, it refuses before it starts anything."""
    from sweeps.engine import sweep

    def started(jobs: int) -> None:
        pytest.fail("workers are started")

    monkeypatch.setattr(sweep, "slots", started)


@pytest.fixture
def refused(here: Path, capsys: pytest.CaptureFixture[str], record_property: Callable[[str, object], None]) -> Refused:
    """Run the command line on a hostile input: it must be refused in a line or two that say what is wrong, with the
    right exit code, at once, without taking memory, and leave every file as it was. Gives what was said."""
    from sweeps.cli.main import main
    from sweeps.data import load

    def run(case: Hostile) -> str:
        load.cache_clear()
        write(here, case.files)
        before, peak = contents(here), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(SystemExit) as end:
            main(case.arguments)
        said = capsys.readouterr().err.strip()
        assert end.value.code == case.code, said
        assert 1 <= len(said.splitlines()) <= 3, said
        assert "Traceback" not in said
        assert said.isprintable() or said.replace("\n", "").isprintable(), said
        for words in case.says:
            assert words in said, said
        assert contents(here) == before
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < MEMORY * 1024
        record_property("refused", said)
        return said

    return run
