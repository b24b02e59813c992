"""The dataset of what a program gives as data: arrays, DataFrames, datasets of Keras and TensorFlow, or a name."""

from __future__ import annotations

from typing import Any

from sweeps.config import SweepConfig, load_config
from sweeps.data import Dataset, DataSource, from_arrays, from_frame, is_frame
from sweeps.data.batches import in_memory
from sweeps.errors import InputError
from sweeps.space.reference import Space, is_own

#: options that name columns
_OF_TABLES = ("target", "weight_column", "drop", "columns")


def dataset_of(data: Any, validation: Any, options: dict[str, Any], space: str | Space) -> tuple[Dataset | None, str]:
    """The dataset, None where workers load it by name, and what it is called.

    Args:
        space: a person's own gets the arrays as they are.
    """
    if isinstance(data, str):
        return None, data
    if is_frame(data):
        return _from_frame(data, validation, options, is_own(space)), "table"
    of_tables = [name for name in SweepConfig.model_fields if name in _OF_TABLES or name.startswith("csv_")]
    for name in [*of_tables, "task"] if isinstance(data, Dataset) else of_tables:
        if options.get(name) not in (None, (), []):  # a study's own options have none of several as a list
            raise InputError(
                f"{name}: only data by name or a DataFrame has it, got {options[name]!r}; "
                "arrays are (x, y, sample_weight)"
            )
    if isinstance(data, Dataset):
        return data, data.name
    source = DataSource(
        "arrays",
        task=options.get("task"),
        seed=int(options.get("seed") or 0),
        test_fraction=0.0 if validation is not None else 0.2,
        as_given=is_own(space),
    )
    x, y, *weights = _with_names("data", in_memory("data", data), space)
    if validation is not None:
        validation = _with_names("validation_data", in_memory("validation_data", validation), space)
    return from_arrays(x, y, source, validation, sample_weight=weights[0] if weights else None), "arrays"


def _with_names(label: str, data: tuple[Any, ...], space: str | Space) -> tuple[Any, ...]:
    """Several inputs by the names of the Input layers that a space of a person's own builds.

    Raises:
        InputError: the model has another number of Input layers.
    """
    x, *others = data
    several = isinstance(x, (list, tuple)) and len(x) > 1 and all(getattr(column, "ndim", 0) > 0 for column in x)
    if not several or not is_own(space):
        return data
    # imports TensorFlow, which a client needs for nothing else
    from sweeps.space.resolve import input_names

    names = input_names(space)
    if len(names) != len(x):
        raise InputError(
            f"{label}: a list of inputs needs a model with as many Input layers, got {len(x)} arrays and {len(names)} "
            "Input layers\nA dictionary of arrays, by the names of the Input layers, works too"
        )
    return dict(zip(names, x, strict=True)), *others


def _from_frame(frame: Any, validation: Any, options: dict[str, Any], own: bool) -> Dataset:
    if validation is not None and not is_frame(validation):
        raise InputError("validation_data: a DataFrame as in data is needed, or none: then rows are split off")
    if given := [name for name, value in options.items() if name.startswith("csv_") and value is not None]:
        raise InputError(f"{given[0]}: only .csv files are read in another way, got a DataFrame")
    named = {name: options.get(name) for name in (*_OF_TABLES, "task", "seed")}
    config = load_config({"dataset": "table", **named})
    return from_frame(frame, config.source(as_given=own), validation)
