"""The round trip of an export: each format is loaded in a clean process, and compared with the trained model."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeps.errors import InputError
from sweeps.export.formats import Format

if TYPE_CHECKING:
    from sweeps.data import Array
    from sweeps.model.signature import Signature
    from sweeps.space.reference import Space

#: the largest difference of an output that is let through, and that of a model that computes with 16 bits
LIMIT, LIMIT_16_BITS = 1e-4, 1e-2


class CleanProcesses:
    """A process for each format, which loads the format's runtime while the model is still being written.

    A context manager, which ends them.
    """

    def __init__(self, formats: Sequence[Format]) -> None:
        checkout = str(Path(__file__).parents[2])  # -P leaves out the working directory
        places = [checkout, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(places), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the processes
        self._processes = {
            each.name: subprocess.Popen(
                [sys.executable, "-P", "-m", "sweeps.export.runtimes", each.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=environment,
                process_group=0,  # Ctrl-C is this process's
            )
            for each in formats
        }

    def __enter__(self) -> CleanProcesses:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes.values():
            process.kill()
            process.communicate()
        self._said.close()

    def ask(self, requests: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """Send each format's process its request; what each says, by the format's name.

        Raises:
            InputError: one has failed.
        """
        for name, request in requests.items():
            stdin = self._processes[name].stdin
            assert stdin is not None
            with contextlib.suppress(BrokenPipeError):  # it has no answer then
                stdin.write(json.dumps(request).encode() + b"\n")
                stdin.flush()
        return {name: self._answer(name) for name in requests}

    def _answer(self, name: str) -> dict[str, Any]:
        stdout = self._processes[name].stdout
        assert stdout is not None
        line = stdout.readline()
        found: dict[str, Any] = json.loads(line) if line else {"error": self._last_words(name)}
        if "error" in found:
            raise InputError(f"--format {name}: the exported model does not load in a clean process: {found['error']}")
        return found

    def _last_words(self, name: str) -> str:
        """Why a process has ended."""
        code = self._processes[name].wait()
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else f"it ended with code {code}"


def compare(
    processes: CleanProcesses,
    folder: Path,
    formats: Sequence[Format],
    model: Any,
    signature: Signature,
    rows: Sequence[Array],
    study: str,
    space: str | Space | None = None,
) -> dict[str, dict[str, Any]]:
    """Compare what was exported with the model itself.

    Args:
        rows: raw inputs, an array for each of the signature.
        study, space: see `load_keras_file`.

    Returns:
        By format the entry of the manifest: `path`, `runtime` with its version, and `difference`, the largest of an
        output: absolute, of numbers above 1 relative; None for a model whose outputs are random. Where the format
        renames them, `inputs` and `outputs`.

    Raises:
        InputError: a format does not load, or differs by more than `LIMIT`.
    """
    with tempfile.TemporaryDirectory(prefix="sweeps-export-") as temporary:
        given = Path(temporary) / "rows.npz"
        np.savez(given, *rows)
        requests = {
            each.name: _request(signature, study, space)
            | {
                "file": str(folder / each.path),
                "rows": str(given),
                "answers": str(Path(temporary) / f"{each.name}.npz"),
            }
            for each in formats
        }
        expected, again = answers(model, signature, rows), answers(model, signature, rows)
        told = processes.ask(requests)
        is_random = difference(expected, again) > 0
        limit, found = limit_of(model), {}
        for each in formats:
            with np.load(requests[each.name]["answers"], allow_pickle=False) as stored:
                got = [stored[name] for name in stored.files]
            apart = None if is_random else difference(expected, got)
            if apart is not None and not apart <= limit:
                raise InputError(
                    f"--format {each.name}: its outputs differ from the trained model's by {apart:.2g} on "
                    f"{len(rows[0])} rows, {limit:g} is allowed\nLeave the format out: --format "
                    + ",".join(other.name for other in formats if other != each)
                )
            found[each.name] = {"path": each.path, "difference": apart, **told[each.name]}
    return found


def answers(model: Any, signature: Signature, rows: Sequence[Array]) -> list[Array]:
    """A model's outputs for raw rows, float32, in the order of `keras.tree.flatten`."""
    import keras

    from sweeps.training import as_tensors

    names = [entry["name"] for entry in signature.inputs]
    given = dict(zip(names, rows, strict=True)) if signature.named else list(rows) if len(rows) > 1 else rows[0]
    outputs = keras.tree.flatten(model(as_tensors(given), training=False))
    return [keras.ops.convert_to_numpy(keras.ops.cast(output, "float32")) for output in outputs]


def difference(expected: Sequence[Array], got: Sequence[Array]) -> float:
    """The largest difference of an output: absolute, of numbers above 1 relative; infinite for other shapes."""
    if [one.shape for one in expected] != [other.shape for other in got]:
        return float("inf")
    return max((_apart(one, other) for one, other in zip(expected, got, strict=True)), default=0.0)


def _apart(one: Array, other: Array) -> float:
    one, other = one.astype(np.float64), other.astype(np.float64)
    is_same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore"):
        apart = np.abs(one - other) / np.maximum(1, np.abs(one))
    apart = np.where(is_same, 0, np.where(np.isfinite(apart), apart, np.inf))
    return float(apart.max(initial=0))


def limit_of(model: Any) -> float:
    """The difference that is let through for a model."""
    dtypes = {getattr(layer, "compute_dtype", None) for layer in model._flatten_layers()}
    return LIMIT_16_BITS if dtypes & {"float16", "bfloat16"} else LIMIT


def _request(signature: Signature, study: str, space: str | Space | None) -> dict[str, Any]:
    from sweeps.space.reference import PackedSpace

    inputs = [entry["name"] for entry in signature.inputs]
    is_named = isinstance(space, str)
    packed = PackedSpace.of(None if is_named else space)  # with the classes that are registered with Keras here
    return {
        "inputs": inputs,
        "served": [signature.served_names[name] for name in inputs],
        "dtypes": [entry["dtype"] for entry in signature.inputs],
        "structure": "dictionary" if signature.named else "list" if len(inputs) > 1 else "array",
        "named_outputs": signature.named_outputs,
        "study": study,
        "space": base64.b64encode(pickle.dumps(packed)).decode(),
        "space_name": space if is_named else None,
        "path": sys.path,
        "directory": str(Path.cwd()),
    }
