"""optuna-dashboard over the journal of a study, which it reads and never writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from sweeps.errors import InputError
from sweeps.study import results
from sweeps.study.shown import ShownStorage
from sweeps.system import paths
from sweeps.system.ports import check_port

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


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
        from optuna_dashboard import wsgi
    except ImportError:
        raise InputError(
            'the dashboard needs optuna-dashboard, which is not installed: pip install "keras-sweeps[dashboard]"'
        ) from None
    if (name := study or results.latest()) is None:
        raise InputError(f"no sweep has run in {paths.home()} yet; start one: sweeps run")
    opened = results.open_study(name)
    check_port(port, "dashboard")
    application = _for_this_machine(wsgi(ShownStorage(paths.journal(name))), port)
    with make_server("127.0.0.1", port, application, _Server, _Quiet) as server:
        address = f"http://127.0.0.1:{port}/dashboard/studies/{opened._study_id}"
        say(f"study {name} in optuna-dashboard: {address} (Ctrl-C ends it)")
        server.serve_forever()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """A page asks every few seconds, which nobody wants to read."""


def _for_this_machine(application: Application, port: int) -> Application:
    """The application, refused to a page of another name, which could have been led here, and to whatever writes."""

    def answer(asked: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if asked.get("HTTP_HOST") not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            start("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"only for this machine"]
        if asked["REQUEST_METHOD"] not in ("GET", "HEAD"):
            start("403 Forbidden", [("Content-Type", "application/json")])
            return [b'{"reason": "sweeps dashboard only reads the study"}']
        return application(asked, start)

    return answer
