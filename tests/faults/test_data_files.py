"""A dataset's files in Keras's folder: damaged, or fetched by two processes at once."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from support import Workspace

LOAD = """
import sys
from sweeps.data import DataSource, keras_files, load, registry
keras_files._ORIGIN = sys.argv[1]
registry._MNIST_FILES["mnist.npz"] = sys.argv[2]
print(load(DataSource("mnist")).digest)
"""


def a_small_mnist() -> bytes:
    """An `mnist.npz` of 5,100 images of 2 by 2 pixels."""
    content = io.BytesIO()
    x, y = np.arange(5100 * 4, dtype=np.uint8).reshape(5100, 2, 2), np.arange(5100, dtype=np.uint8) % 10
    np.savez(content, x_train=x, y_train=y, x_test=x[:20], y_test=y[:20])
    return content.getvalue()


class KerasHome(Workspace):
    """A workspace with a Keras folder of its own."""

    @property
    def file(self) -> Path:
        return self.folder / "keras" / "datasets" / "mnist.npz"

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"KERAS_HOME": str(self.folder / "keras")}


@contextmanager
def origin(content: bytes, together: int) -> Iterator[str]:
    """Where `content` is fetched from; nobody gets it before so many ask."""
    all_there = threading.Barrier(together, timeout=60)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            all_there.wait()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_two_processes_that_fetch_a_dataset_at_once_both_read_it_and_leave_one_whole_file(tmp_path: Path) -> None:
    made, content = KerasHome(tmp_path), a_small_mnist()
    with origin(content, together=2) as uri:
        arguments = [sys.executable, "-c", LOAD, uri, hashlib.sha256(content).hexdigest()]
        environment = made.environment | {"NO_PROXY": "*"}
        both = [subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        digests = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert digests[0] == digests[1] != ""
    assert made.file.read_bytes() == content
    assert [path.name for path in made.file.parent.iterdir()] == ["mnist.npz"]


@pytest.mark.parametrize("place", [0.25, 0.9])
def test_a_sweep_of_a_file_with_a_flipped_bit_is_refused_and_writes_nothing(tmp_path: Path, place: float) -> None:
    made, content = KerasHome(tmp_path), bytearray(a_small_mnist())
    made.file.parent.mkdir(parents=True)
    content[int(len(content) * place)] ^= 1
    made.file.write_bytes(content)
    (tmp_path / "keras" / "keras.json").write_text("{}")  # where Keras finds none, it writes one when it is imported
    before = made.files
    done = made.sweeps("run", "--dataset", "mnist", "--trials", "1")
    assert (done.returncode, made.files) == (2, before), done.stderr
    assert f"{str(made.file)!r} is damaged: " in done.stderr
    assert "Delete it to download it again" in done.stderr
