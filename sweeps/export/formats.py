"""The formats of an exported model: what each needs, what it cannot hold, and how it is written."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.errors import InputError, shortened, unknown
from sweeps.system.import_keras import silent

if TYPE_CHECKING:
    from sweeps.model.signature import Signature

#: what installs what the other formats need
EXTRA = "pip install 'keras-sweeps[export]'"


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        title: its name in sentences.
        path: of the file or folder in an export.
        write: writes a model there; raises whatever its converter does.
        modules: of the extra `export`, which write it and load it again.
        takes_text: whether it holds inputs of text.
    """

    name: str
    title: str
    path: str
    write: Callable[[Any, Path, Signature], object]
    modules: tuple[str, ...] = ()
    takes_text: bool = True


def _keras(model: Any, path: Path, signature: Signature) -> None:
    if not path.exists():  # that of a trial is the file that was logged
        model.save(path)


def _saved_model(model: Any, path: Path, signature: Signature) -> None:
    # Keras assumes that each input of a subclassed model is float32, and names no column as a SavedModel needs it
    renamed = signature.named and any(name != to for name, to in signature.served_names.items())
    is_known = getattr(model, "inputs", None) and not renamed
    input_signature = {} if is_known else {"input_signature": [signature.specs()]}
    model.export(path, format="tf_saved_model", verbose=False, **input_signature)


def _onnx(model: Any, path: Path, signature: Signature) -> None:
    from sweeps.export.onnx_file import write_onnx

    write_onnx(model, path, signature)


def _litert(model: Any, path: Path, signature: Signature) -> None:
    import tensorflow as tf

    # the runtime has no TensorFlow operations ("Flex"), which Keras's exporter would let pass
    target = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    model.export(path, format="litert", verbose=False, input_signature=[signature.specs()], target_spec=target)


FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        Format("keras", "Keras", "model.keras", _keras),
        Format("savedmodel", "SavedModel", "saved_model", _saved_model),
        Format("onnx", "ONNX", "model.onnx", _onnx, ("tf2onnx", "onnx", "onnxruntime"), takes_text=False),
        Format("litert", "LiteRT", "model.tflite", _litert, ("ai_edge_litert",), takes_text=False),
    )
}
DEFAULT = ("keras", "savedmodel")


def formats_of(names: Iterable[str]) -> tuple[Format, ...]:
    """The formats of these names in the order of `FORMATS`; Keras's own is always among them.

    Raises:
        InputError: a name is unknown, or what a format needs is not installed.
    """
    wanted = {"keras", *names}
    for name in sorted(wanted - FORMATS.keys()):
        raise unknown("format", name, FORMATS)
    found = tuple(each for each in FORMATS.values() if each.name in wanted)
    for each in found:
        if absent := [module for module in each.modules if find_spec(module) is None]:
            packages = ", ".join(module.replace("_", "-") for module in absent)
            are = "is" if len(absent) == 1 else "are"
            raise InputError(f"--format {each.name} needs {packages}, which {are} not installed\nInstall: {EXTRA}")
    return found


def check_inputs(formats: Sequence[Format], inputs: Mapping[str, str]) -> None:
    """Check that the formats hold a model's inputs, before it is loaded.

    Args:
        inputs: their dtypes by name.

    Raises:
        InputError: a format does not hold text.
    """
    text = [repr(name) if name else "its input" for name, dtype in inputs.items() if dtype == "string"]
    for each in formats:
        if text and not each.takes_text:
            raise InputError(
                f"--format {each.name}: {each.title} has no operations for text, which the model takes "
                f"({shortened(text)})\nUse --format savedmodel, which holds text and needs TensorFlow alone"
            )


def write(each: Format, model: Any, folder: Path, signature: Signature) -> None:
    """Write a model into an export folder.

    Raises:
        InputError: the format cannot hold it.
    """
    try:
        with silent(), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the converters' own, such as tf2onnx's of NumPy 2
            each.write(model, folder / each.path, signature)
    except Exception as error:
        if not each.modules:  # each model that a study keeps has these formats
            raise
        raise InputError(
            f"--format {each.name}: {each.title} cannot hold this model: {_reason(error)}\n"
            "Use --format savedmodel, which holds every model and needs TensorFlow alone"
        ) from error


def _reason(error: Exception) -> str:
    """The last line of a converter's error that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = next((line for line in lines if line.startswith(("TF Select ops:", "Custom ops:"))), None)
    return (told or (lines[0] if lines else type(error).__name__))[:300]
