"""optuna-dashboard over the journal of a study, which it reads and never writes."""

from __future__ import annotations

from collections.abc import Callable

from sweeps.errors import InputError
from sweeps.report.serving import check_port
from sweeps.study import results
from sweeps.study import study as studies
from sweeps.system import paths


def serve(study: str | None, port: int, say: Callable[[str], object]) -> None:
    """Serve the dashboard on 127.0.0.1 until interrupted; a running sweep is followed.

    Args:
        study: None: the one that has changed last.
        say: called with the message that has the page's address.

    Raises:
        InputError: there is no such study, or none at all, or optuna-dashboard is not installed.
        CorruptStore: the study's journal cannot be read.
        BackendUnreachable: the port is in use.
    """
    try:
        from optuna_dashboard import run_server
    except ImportError:
        raise InputError(
            'the dashboard needs optuna-dashboard, which is not installed: pip install "keras-sweeps[dashboard]"'
        ) from None
    if (name := study or results.latest()) is None:
        raise InputError(f"no sweep has run in {paths.home()} yet; start one: sweeps run")
    opened = results.open_study(name)
    check_port(port, "sweeps dashboard")
    address = f"http://127.0.0.1:{port}/dashboard/studies/{opened._study_id}"
    say(f"study {name} in optuna-dashboard: {address} (Ctrl-C ends it)")
    run_server(studies.reading(paths.journal(name)), host="127.0.0.1", port=port)
