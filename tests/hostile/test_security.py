"""What SECURITY.md claims: passwords stay in the environment, nothing is unpickled, servers listen to this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer

import psutil
import pytest
from support import ROOT, SharedWorker, Workspace

from sweeps.doctor import Finding
from sweeps.doctor.examination import _repaired
from sweeps.errors import Interrupted, SweepError, without_passwords
from sweeps.system import paths as workspace
from tracking import Store

SOURCES = [path for room in ("sweeps", "tracking", "search_spaces") for path in (ROOT / room).rglob("*.py")]
SECRET = "s3cr3t-p@ss"
QUOTED = "s3cr3t-p%40ss"


def test_a_password_in_the_tracking_uri_moves_to_where_mlflow_looks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"https://me:{QUOTED}@example.org:5000/base?x=1")
    for _ in range(2):
        assert workspace.tracking_uri() == "https://example.org:5000/base?x=1"
    assert os.environ["MLFLOW_TRACKING_URI"] == "https://example.org:5000/base?x=1"
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "me"
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == SECRET


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:pw@host/db is away", "postgresql://me:***@host/db is away"),
        ("postgresql+psycopg2://me:p@w@host/db", "postgresql+psycopg2://me:***@host/db"),
        ("http://host:80/a@b", "http://host:80/a@b"),
        ("two: http://a:b@c and http://d:e@f/g", "two: http://a:***@c and http://d:***@f/g"),
        ("postgresql://host/db?user=me&password=pw&x=1", "postgresql://host/db?user=me&password=***&x=1"),
    ],
)
def test_a_password_in_an_error_is_starred(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


class _Refusing(BaseHTTPRequestHandler):
    """A tracking server that knows nobody."""

    def _answer(self) -> None:
        self.server.seen.append(self.headers.get("Authorization"))  # type: ignore[attr-defined]
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.slow  # the start of a worker
def test_a_server_gets_the_password_and_nobody_else_sees_it(workspace: Workspace) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Refusing)
    server.seen = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said, lines = _run_with(workspace, f"http://me:{QUOTED}@127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    expected = "Basic " + b64encode(f"me:{SECRET}".encode()).decode()
    assert expected in server.seen  # type: ignore[attr-defined]
    _nowhere(workspace, said, lines)


@pytest.mark.parametrize("error", [SweepError, Interrupted])
def test_no_error_holds_a_password_wherever_it_is_shown(error: type[SweepError]) -> None:
    assert str(error("postgresql://me:pw@host/db is away")) == "postgresql://me:***@host/db is away"
    assert SECRET not in repr(Store(f"postgresql://me:{SECRET}@host/db", "1"))


def test_what_the_doctor_could_not_mend_is_said_without_passwords() -> None:
    def repair() -> None:
        raise OSError("postgresql://me:pw@host/db is away")

    (found,) = _repaired(iter([Finding("trial 1", "is ill", "heals it", repair)]))
    assert found.remedy == "it could not be repaired: postgresql://me:***@host/db is away"


@pytest.mark.slow  # the start of a worker
@pytest.mark.parametrize("scheme", ["http", "postgresql"])
def test_a_dead_server_is_named_without_its_password(workspace: Workspace, scheme: str) -> None:
    said, lines = _run_with(workspace, f"{scheme}://me:{QUOTED}@127.0.0.1:9")
    assert "does not answer" in said
    _nowhere(workspace, said, lines)


def _run_with(workspace: Workspace, uri: str) -> tuple[str, set[str]]:
    """What a sweep says that cannot record, and the command lines of its processes while it runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sweeps", "run", "s", "--jobs", "1"],
        cwd=workspace.folder,
        env=workspace.environment | {"MLFLOW_TRACKING_URI": uri, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: set[str] = set()
    while process.poll() is None:
        for one in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
            try:
                lines.add(" ".join(one.cmdline()))
            except psutil.Error:
                continue
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
    said, _ = process.communicate()
    assert process.returncode == 4, said
    assert "Traceback" not in said
    return said, lines


def _nowhere(workspace: Workspace, said: str, lines: set[str]) -> None:
    """The password is in no output, no command line, no file."""
    written = [path.read_bytes() for path in workspace.folder.rglob("*") if path.is_file()]
    assert len(lines) > 1
    for secret in (SECRET, QUOTED):
        assert secret not in said
        assert not [line for line in lines if secret in line]
        assert not [content for content in written if secret.encode() in content]


def test_workers_and_their_scheduler_listen_to_this_machine_alone(worker: SharedWorker) -> None:
    assert worker.client.scheduler is not None
    mine = psutil.Process()
    listening = {
        found.laddr.ip
        for process in (mine, *mine.children(recursive=True))
        for found in process.net_connections()
        if found.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_a_process_neither_unpickles_models_nor_reports_home_whatever_its_environment_says() -> None:
    code = "import tracking, os; from mlflow.telemetry import get_telemetry_client as client; "
    code += "print(os.environ['MLFLOW_ALLOW_PICKLE_DESERIALIZATION'], client())"
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_DISABLE_TELEMETRY"}
    environment |= {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "false None"


@pytest.mark.parametrize(
    ("forbidden", "allowed"),
    [
        # what `sweeps serve` writes for MLflow's server; nothing is loaded by it here
        (r"\bpyfunc\.|pyfunc import|mlflow\.keras\.load|mlflow\.[a-z]+\.load_model", {"served_model.py", "serving.py"}),
        # a space or data in memory, those of baselines, and answers, from this process to its own workers
        (r"pickle\.loads?\(", {"reference.py", "child.py", "feeds.py", "line.py", "scratch.py", "runtimes.py"}),
        (r"\bnp\.load\((?!.*allow_pickle=False)|allow_pickle=True|enable_unsafe", set()),
        (r"safe_mode=False", {"keras_file.py"}),  # lambdas that a person allowed, of a file that the study logged
        (r"shell=True|os\.system|os\.popen|\beval\(|\bexec\(", set()),
        (r"0\.0\.0\.0", set()),
    ],
)
def test_no_source_holds_what_would_run_foreign_code(forbidden: str, allowed: set[str]) -> None:
    assert {path.name for path in SOURCES if re.search(forbidden, path.read_text())} == allowed


def test_every_model_is_loaded_in_safe_mode() -> None:
    calls = [line for path in SOURCES for line in path.read_text().splitlines() if "load_model(" in line]
    loads = [line for line in calls if "saving.load_model(" in line and "`" not in line and '"model.keras"' not in line]
    assert loads
    (single,) = [line for line in loads if "safe_mode=True" not in line]
    assert "safe_mode=safe_mode" in single
    # its mode is the safe one unless somebody says otherwise, which is done once, where lambdas are allowed
    source = (ROOT / "sweeps/export/keras_file.py").read_text()
    assert "safe_mode: bool = True" in source
    (before, _) = source.split("safe_mode=False")
    assert before.splitlines()[-2].strip() == "if lambdas_allowed():"
