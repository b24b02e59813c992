"""An ensemble of the best trials of a study: one Keras model that averages what theirs predict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import FrozenTrial

from sweeps.errors import InputError
from sweeps.study import confirmation, results
from sweeps.study import study as studies
from sweeps.study.attributes import PREPARED

if TYPE_CHECKING:
    from sweeps.model.outputs import Head
    from sweeps.model.signature import Signature

#: of outputs that can be averaged; margins and class scores have no common scale
_AVERAGED = ("class_probabilities", "class_logits", "probabilities", "logits", "numbers")


@dataclass(frozen=True)
class Member:
    """A trial of an ensemble.

    Attributes:
        value: its value in the search.
        confirmed_mean: that of its confirmation, by which the members are then chosen; None: not confirmed.
    """

    trial: int
    value: float
    confirmed_mean: float | None
    run_id: str
    model_uri: str
    params: dict[str, Any]


@dataclass(frozen=True)
class Ensemble:
    """The members, best first, and what the ensemble reaches.

    Attributes:
        figures: "validation" and "test": the figures of the "ensemble" and of the "single" best trial on the same rows,
            as `sweeps.confirm.figures` lists them, or None where they were not measured; "notes": why not.
    """

    members: tuple[Member, ...]
    figures: Mapping[str, Any] = field(default_factory=lambda: {"validation": None, "test": None, "notes": []})

    @property
    def params(self) -> dict[str, Any]:
        """The hyperparameters by trial."""
        return {f"trial {member.trial}": member.params for member in self.members}

    @property
    def name(self) -> str:
        """In messages: `the ensemble of trials 3, 7 and 1`."""
        *others, last = [str(member.trial) for member in self.members]
        return f"the ensemble of trials {', '.join(others)} and {last}"


def members_of(study: optuna.Study, count: int) -> tuple[Member, ...]:
    """The best trials of a study: by the means of their confirmation, where it has one, or by their values.

    Raises:
        InputError: there are fewer, or one has no model that takes the raw rows.
    """
    trials = _ranked(study)
    if len(trials) < count:
        named = "finalists with a model" if confirmation.current(study) else "COMPLETE trials"
        raise InputError(f"--ensemble: study {study.study_name!r} has {len(trials)} {named}, got {count}")
    chosen = trials[:count]
    for trial, _ in chosen:
        if PREPARED in trial.user_attrs:
            raise InputError(
                "--ensemble: the space's fit prepares the data itself; only models of raw rows are averaged"
            )
    return tuple(_member(study, trial, mean) for trial, mean in chosen)


def _ranked(study: optuna.Study) -> list[tuple[FrozenTrial, float | None]]:
    """The trials from the best on, each with its confirmed mean."""
    objective = studies.objective_of(study)
    trials = study.get_trials(deepcopy=False)
    found = confirmation.current(study)
    if found is None:
        return [(trial, None) for trial in objective.ranked(trials)]
    # the model of a default configuration that the search has not trained may have seen the validation rows
    means = [
        (trials[each.trial], each.mean) for each in found.finalists if each.trial is not None and each.mean is not None
    ]
    return sorted(means, key=lambda one: one[1] or 0.0, reverse=found.direction == "maximize")


def _member(study: optuna.Study, trial: FrozenTrial, mean: float | None) -> Member:
    best = results.of_trial(study, trial.number)
    return Member(trial.number, best.value, mean, best.run_id, best.model_uri, best.params)


def average(models: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    """One functional, compiled model of several: it averages their probabilities, or the numbers of a regression.

    Args:
        models: by the names that they get as layers.
        data: the study's description of its data.

    Raises:
        InputError: the models take or give different things, or what has no average.
    """
    import keras

    from sweeps.model.heads import class_names, head_of
    from sweeps.model.signature import signature_of

    signatures = {name: signature_of(model, data) for name, model in models.items()}
    first = next(iter(signatures.values()))
    labels = class_names(data)
    inputs = {
        entry["name"]: keras.Input(entry["shape"][1:], dtype=entry["dtype"], name=first.served_names[entry["name"]])
        for entry in first.inputs
    }
    given: Any = inputs if first.named else list(inputs.values())
    outputs, heads = [], []
    for name, model in models.items():
        if _taken(signatures[name]) != _taken(first):
            raise InputError(
                f"--ensemble: {name} takes other inputs than {next(iter(models))}; they cannot be averaged"
            )
        head = head_of(model, signatures[name], data["target"], labels)
        if head.meaning not in _AVERAGED:
            raise InputError(f"--ensemble: {name} gives {head.meaning.replace('_', ' ')}, which cannot be averaged")
        heads.append(head)
        model.name = _layer_name(name)
        model.compiled, model.optimizer = False, None  # whose state would be two thirds of the file
        outputs.append(_numbers(head, head.main(model(given if len(inputs) > 1 or first.named else given[0])), name))
    if len({(output.shape, head.gives) for output, head in zip(outputs, heads, strict=True)}) > 1:
        raise InputError("--ensemble: the trials' outputs have different shapes or meanings; they cannot be averaged")
    mean = keras.layers.Average(name="average", dtype="float32")(outputs)
    ensemble = keras.Model(given if first.named or len(inputs) > 1 else given[0], mean, name="ensemble")
    is_column = data["target"] == "one_hot" or data.get("form") == "columns"
    # of an optimizer without a state
    ensemble.compile("sgd", loss=_loss(heads[0].meaning, is_column), metrics=_metrics(heads[0].gives))
    return ensemble


def _taken(signature: Signature) -> list[tuple[str | None, list[int | None], str]]:
    """The inputs of a model; without a dictionary their names, which Keras makes up, mean nothing."""
    return [(entry["name"] if signature.named else None, entry["shape"], entry["dtype"]) for entry in signature.inputs]


def _layer_name(name: str) -> str:
    return name.replace(" ", "_")


def _numbers(head: Head, output: Any, name: str) -> Any:
    """A member's output as probabilities, or as it is."""
    import keras

    activations = {"class_logits": "softmax", "logits": "sigmoid"}
    if head.meaning not in activations:
        return output
    return keras.layers.Activation(
        activations[head.meaning], dtype="float32", name=f"{_layer_name(name)}_probabilities"
    )(output)


def _loss(meaning: str, is_column: bool) -> str:
    """The loss of what the members mean, once it is probabilities.

    Args:
        is_column: of a target of classes, that each has a column.
    """
    if meaning == "numbers":
        return "mean_squared_error"
    if meaning in ("probabilities", "logits"):
        return "binary_crossentropy"
    return "categorical_crossentropy" if is_column else "sparse_categorical_crossentropy"


def _metrics(gives: str) -> list[str]:
    return ["mean_absolute_error"] if gives == "value" else ["accuracy"]
