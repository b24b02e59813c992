"""Names that tell trials apart: `#17 2×256 relu adamw 1e-3 dropout 0.25`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from optuna.distributions import BaseDistribution

from sweeps.study.attributes import CONTINUES, PARAMS, REPETITION

#: hyperparameters that give the number of hidden layers, and their width: `n_neurons`, or `n_neurons_0` of the first
_DEPTHS = ("n_hidden", "n_layers", "num_layers")
_WIDTH = re.compile(r"(n_neurons|n_units|units)(_?\d+)?")
#: hyperparameters whose value needs no name
_RATES = ("learning_rate", "lr")
_LONGEST = 80


class Named(Protocol):
    """Optuna's trials, and what stands for one in a worker."""

    @property
    def number(self) -> int: ...
    @property
    def params(self) -> dict[str, Any]: ...
    @property
    def user_attrs(self) -> dict[str, Any]: ...
    @property
    def distributions(self) -> dict[str, BaseDistribution]: ...


def trial_name(trial: Named, params: Mapping[str, Any] | None = None) -> str:
    """The trial's number and the hyperparameters that may differ between trials, each as short as it is understood.

    Args:
        params: its hyperparameters so far; None: those that it has.
    """
    begin = f"#{trial.number}"
    if CONTINUES in trial.user_attrs:
        begin += f" continues #{trial.user_attrs[CONTINUES]}"
    if (repetition := trial.user_attrs.get(REPETITION)) is not None:
        rows = f"seed {repetition['seed']}" if repetition["fold"] is None else f"fold {repetition['fold'] + 1}"
        return f"{begin} {repetition['confirms']}, {rows}"
    fixed = {name for name, values in trial.distributions.items() if values.single()}
    if params is None:
        params = trial.user_attrs.get(PARAMS, trial.params)
    return _joined([begin, *_words({name: value for name, value in params.items() if name not in fixed})])


def _words(params: Mapping[str, Any]) -> list[str]:
    depth = next((name for name in _DEPTHS if isinstance(params.get(name), int)), None)
    widths = [name for name in params if _WIDTH.fullmatch(name)]
    layers = _layers(None if depth is None else params[depth], [params[name] for name in widths])
    rest = {name: value for name, value in params.items() if not layers or name not in (depth, *widths)}
    # what is understood without its name comes first
    ordered = sorted(rest.items(), key=lambda item: _rank(*item))
    return [*layers, *(word for name, value in ordered if (word := _word(name, value)))]


def _rank(name: str, value: Any) -> int:
    if isinstance(value, str):
        return 0
    return 1 if name in _RATES else 2


def _layers(depth: int | None, widths: list[Any]) -> list[str]:
    """The hidden layers as `2×256`, or `256-64` of layers with widths of their own; empty where they are not known."""
    if depth == 0:
        return ["linear"]
    if depth is not None and len(widths) == 1:
        return [f"{depth}×{widths[0]}"]
    if widths and (depth is None or len(widths) >= depth):
        return ["-".join(map(str, widths[:depth]))]
    return []


def _word(name: str, value: Any) -> str:
    """A hyperparameter; empty for one that is off."""
    if isinstance(value, bool) or not value:
        return name if value else ""
    if isinstance(value, str):
        return value
    return short(value) if name in _RATES else f"{name} {short(value)}"


def short(value: Any) -> str:
    """A number in few characters: `1e-3`, `2.5e-4`, `0.25`, `64`."""
    if not isinstance(value, float):
        return str(value)
    if value and abs(value) < 0.01:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    return f"{value:.3g}"


def _joined(words: list[str]) -> str:
    """The words, as many as a name may have."""
    name = words[0]
    for word in words[1:]:
        if len(name) + len(word) >= _LONGEST:
            return f"{name} …"
        name += f" {word}"
    return name
