"""Exports of models that are made in a test, without a sweep."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from sweeps.export import export as exporting
from sweeps.export.exported import Exported
from sweeps.export.formats import DEFAULT, Format, formats_of
from sweeps.export.predict import predict
from sweeps.export.round_trip import CleanProcesses, compare, limit_of
from sweeps.export.write import write_export
from sweeps.study.attributes import DATA, IDENTITY
from sweeps.study.results import Best


def export(folder: Path, model: Any, labels: list[str] | None = None, target: str = "regression", **more: Any) -> Path:
    """Export a model as `sweeps export` does, without its round trip; returns the folder.

    Args:
        target: the kind of the study's target.
        more: of what the study tells of its data; "prepared" of the trial's; "formats" by name.
    """
    formats, prepared = more.pop("formats", DEFAULT), more.pop("prepared", None)
    folder.mkdir()
    write_export(folder, model, exported_of(model, labels, target, prepared, more), formats_of(formats))
    return folder


def exported_of(
    model: Any, labels: list[str] | None, target: str, prepared: Any = None, more: dict[str, Any] | None = None
) -> Exported:
    """What is exported, of a study that is made up."""
    more = more or {}
    inputs = {"": {"shape": list(model.input_shape[1:]), "dtype": "float32"}} if "inputs" not in more else {}
    data = {"target": target, "labels": labels, "features": None, "inputs": inputs, **more}
    identity = {"space": "s", "dataset": "d", "digest": "0"}
    best = Best("s", "val_loss", 0.5, 0, "run", {}, 1, "models:/m-0")
    return Exported(best, {IDENTITY: identity, DATA: data}, prepared)


def round_trip(folder: Path, model: Any, exported: Exported, formats: Sequence[str], rows: Any) -> dict[str, Any]:
    """Export a model, and compare each format with it in a clean process; returns the manifest."""
    wanted = formats_of(formats)
    folder.mkdir()

    def checked(model: Any, signature: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        found = compare(processes, folder, wanted, model, signature, rows, "s")
        return found, {"rows": len(rows[0]), "inputs": "rows of a test", "limit": limit_of(model)}

    with exporting.CleanProcesses(wanted) as processes:  # those that are lent
        return write_export(folder, model, exported, wanted, compare=checked)


@contextlib.contextmanager
def lent_clean_processes() -> Iterator[None]:
    """`sweeps export` in this process is given clean processes that are there."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(exporting, "CleanProcesses", _Lent(stack)))
        yield


class _Lent(contextlib.nullcontext[Any]):
    """In place of `CleanProcesses`: those that an earlier export has started, and new ones for other formats."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        super().__init__(self)
        self._stack, self._started = stack, dict[str, CleanProcesses]()

    def __call__(self, formats: Sequence[Format]) -> _Lent:
        for each in formats:
            if each.name not in self._started:
                self._started[each.name] = self._stack.enter_context(CleanProcesses([each]))
        return self

    def ask(self, requests: dict[str, Any]) -> dict[str, Any]:
        """As `CleanProcesses.ask`."""
        return {name: self._started[name].ask({name: request})[name] for name, request in requests.items()}


def predict_file(folder: Path, file: Path, rows: int | None = None) -> list[Any]:
    """All predictions of an export for the rows of a file."""
    return [row for some in predict(folder, file, rows) for row in some.rows]
