"""LCBench's surrogate: 34 classification tasks, funnel-shaped MLPs trained by SGD for 50 epochs.

The files come from the YAHPO Gym data repository (`slds-lmu/yahpo_data`, folder `lcbench`, Apache-2.0): `model.onnx`,
`encoding.json`, `config_space.json`. The surrogate has no noise, so its validation accuracy is a true value. It has no
test accuracy; the balanced one stands for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import util
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from benchmarks.search.task import Curves, Params

#: names the folder of the files
VARIABLE = "SWEEPS_LCBENCH"

EPOCHS = 50
# the first is the evaluation before any training
_TRAINED = np.arange(2, EPOCHS + 2)
_TASK, _EPOCH = "OpenML_task_id", "epoch"
# as the model was trained: the epoch first
_ORDER = ("batch_size", "learning_rate", "momentum", "weight_decay", "num_layers", "max_units", "max_dropout")
_SECONDS, _ACCURACY, _LOSS, _TEST = 0, 1, 2, 5
# configurations; of one or of many at once each takes twice as long
_AT_ONCE = 8


def missing(folder: str | None) -> str | None:
    """Why the surrogate cannot be asked; None where it can."""
    if util.find_spec("onnxruntime") is None:
        return "onnxruntime is not installed (pip install -e '.[dev]')"
    if not folder:
        return f"the folder of its surrogate is not named (${VARIABLE})"
    absent = [name for name in ("model.onnx", "encoding.json", "config_space.json") if not Path(folder, name).is_file()]
    return f"{folder} has no {absent[0]}" if absent else None


def tasks(folder: str) -> list[LCBench]:
    """The tasks of that folder, in the order of its search space."""
    space = json.loads(Path(folder, "config_space.json").read_text(encoding="utf-8"))["hyperparameters"]
    codes = json.loads(Path(folder, "encoding.json").read_text(encoding="utf-8"))[_TASK]
    searched = {entry["name"]: entry for entry in space if entry["name"] in _ORDER}
    names = next(entry["choices"] for entry in space if entry["name"] == _TASK)
    session = _session(Path(folder, "model.onnx"))
    return [LCBench(name, searched, session, codes[name]) for name in names]


class LCBench:
    """One of the tasks; as `Task` says.

    Args:
        entries: hyperparameter -> its entry in the file of the search space.
        session: of ONNX Runtime.
        code: of the task.
    """

    def __init__(self, name: str, entries: dict[str, dict[str, Any]], session: Any, code: int) -> None:
        self.name, self.epochs = name, EPOCHS
        self.space: Mapping[str, BaseDistribution] = {
            hyperparameter: _distribution(entry) for hyperparameter, entry in entries.items()
        }
        self.defaults: Params = {hyperparameter: entry["default"] for hyperparameter, entry in entries.items()}
        self._session, self._code = session, code

    def curves(self, configurations: Sequence[Params]) -> Curves:
        """The trainings of these configurations."""
        shown = np.concatenate(
            [self._rows(configurations[at : at + _AT_ONCE]) for at in range(0, len(configurations), _AT_ONCE)]
        )
        return Curves(shown[..., _ACCURACY] / 100, shown[..., _LOSS], shown[..., _TEST], shown[..., _SECONDS])

    def _rows(self, configurations: Sequence[Params]) -> NDArray[np.float64]:
        """float64 (n, epochs, figures)."""
        values = np.array([[params[name] for name in _ORDER] for params in configurations])
        epochs = np.tile(_TRAINED, len(configurations))
        given = {
            "x_cont": np.column_stack([epochs, np.repeat(values, EPOCHS, axis=0)]).astype(np.float32),
            "x_cat": np.full((len(epochs), 1), self._code, np.int32),
        }
        answer = self._session.run(None, given)[0].astype(np.float64)
        return cast("NDArray[np.float64]", answer.reshape(len(configurations), EPOCHS, -1))


def _session(model: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options)


def _distribution(entry: dict[str, Any]) -> BaseDistribution:
    kind = IntDistribution if entry["type"] == "uniform_int" else FloatDistribution
    return kind(entry["lower"], entry["upper"], log=entry["log"])
