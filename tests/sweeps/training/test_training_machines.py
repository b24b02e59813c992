"""The chapter's model gets as good on every kind of machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

SCRIPT = """
import keras
from sweeps import dense_kernels
from sweeps.training import fit

(x, y), _ = keras.datasets.fashion_mnist.load_data()
keras.utils.set_random_seed(42)
layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(300, "relu")]
layers += [keras.layers.Dense(100, "relu"), keras.layers.Dense(10, "softmax")]
model = keras.Sequential([keras.Input((28, 28), dtype="uint8"), *layers])
model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
history = fit(model, x[:-5000], y[:-5000], validation_data=(x[-5000:], y[-5000:]), epochs=5, verbose=0, seed=1)
assert history.by_kernels == (dense_kernels.supported() is None)
print(dense_kernels.description(), history.history["val_accuracy"][-1], sep="; ")
"""
#: by what is trained with: the processor's own lanes, AVX2's, and graphs
MACHINES = {
    "own": {},
    "AVX2": {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"},
    "off": {"SWEEPS_DENSE_KERNELS": "0"},
}


def trained(settings: dict[str, str]) -> tuple[str, float]:
    """How it was trained, and the accuracy on the validation rows."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_CPU")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"} | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    how, accuracy = done.stdout.strip().split("; ")
    return how, float(accuracy)


@pytest.mark.slow
@pytest.mark.skipif(
    not (Path(os.environ.get("KERAS_HOME", "/nowhere")) / "datasets/fashion-mnist").is_dir(),
    reason="KERAS_HOME names no folder with Fashion-MNIST in it",
)
def test_the_chapter_s_model_gets_as_good_on_every_machine() -> None:
    found = {name: trained(settings) for name, settings in MACHINES.items()}
    print(found)
    assert "8 floats" in found["AVX2"][0] or "this processor lacks" in found["AVX2"][0]
    assert "by a TensorFlow graph" in found["off"][0]
    accuracies = [accuracy for _, accuracy in found.values()]
    assert min(accuracies) > 0.85
    assert max(accuracies) - min(accuracies) < 0.005, found
