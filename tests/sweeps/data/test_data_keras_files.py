"""Fetching the files of `keras.datasets`, from a server of our own."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sweeps.data.keras_files import keras_files
from sweeps.errors import InputError

CONTENT = b"the real thing"
SUM = hashlib.sha256(CONTENT).hexdigest()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that the origin serves; KERAS_HOME is `home` beside it."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("sweeps.data.keras_files._ORIGIN", f"http://127.0.0.1:{server.server_port}/")
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_missing_file_is_fetched_once_into_the_keras_folder(served: Path, tmp_path: Path) -> None:
    (served / "a.gz").write_bytes(CONTENT)
    path = keras_files("sub", {"a.gz": SUM})["a.gz"]
    assert path == tmp_path / "home" / "datasets" / "sub" / "a.gz"
    assert path.read_bytes() == CONTENT
    (served / "a.gz").unlink()
    assert keras_files("sub", {"a.gz": SUM})["a.gz"].read_bytes() == CONTENT
    assert [file.name for file in path.parent.iterdir()] == ["a.gz"], "no temporary file is left"


def test_what_is_fetched_but_is_not_the_file_is_never_stored(served: Path, tmp_path: Path) -> None:
    (served / "a.gz").write_bytes(b"<html>please log in</html>")
    with pytest.raises(InputError, match="not that file"):
        keras_files("sub", {"a.gz": SUM})
    assert not (tmp_path / "home").exists()


def test_a_file_that_the_server_lacks_is_named_with_the_reason(served: Path) -> None:
    with pytest.raises(InputError, match=r"a\.gz not found, and no download: .*[Nn]ot [Ff]ound"):
        keras_files("sub", {"a.gz": SUM})


def test_a_keras_folder_that_cannot_be_written_is_said(served: Path, tmp_path: Path) -> None:
    (served / "a.gz").write_bytes(CONTENT)
    (tmp_path / "home").write_text("a file where the folder should be")
    with pytest.raises(InputError, match="Put it into"):
        keras_files("sub", {"a.gz": SUM})


def test_a_server_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        monkeypatch.setattr("sweeps.data.keras_files._ORIGIN", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        monkeypatch.setattr("sweeps.data.keras_files._TIMEOUT", 0.3)
        with pytest.raises(InputError, match="timed out"):
            keras_files("sub", {"a.gz": SUM})


def test_two_who_fetch_at_once_both_have_the_whole_file(served: Path) -> None:
    content = bytes(range(256)) * 4000
    (served / "a.gz").write_bytes(content)
    wanted = {"a.gz": hashlib.sha256(content).hexdigest()}
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(keras_files("sub", wanted)["a.gz"].read_bytes())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(each) for each in found] == [len(content)] * 8
