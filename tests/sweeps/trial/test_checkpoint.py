"""Checkpoints on disk: exact, whole or not at all, never a pickle."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from sweeps.trial.checkpoint import Checkpoints


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints")


def test_what_was_saved_comes_back_exactly(checkpoints: Checkpoints) -> None:
    saved = {
        "numbers": [1, -2.5, 0.1 + 0.2, float("inf"), True, None, "text"],
        "arrays": (np.arange(6, dtype="float32").reshape(2, 3), np.zeros((0, 2)), np.float32(0.1), np.array("text")),
        "nested": {3: {"tuple": (1, (2,))}, "array": [np.arange(3)]},
        "random": random.getstate(),
    }
    checkpoints.save(7, saved)
    found = checkpoints.load(7)
    assert found["numbers"] == saved["numbers"]
    assert found["random"] == saved["random"]
    assert found["nested"][3] == {"tuple": (1, (2,))}
    for one, other in zip(found["arrays"], saved["arrays"], strict=True):
        assert (type(one), one.dtype, one.shape) == (type(other), other.dtype, other.shape)
        np.testing.assert_array_equal(one, other)


def test_there_is_one_a_trial_the_last_until_it_is_forgotten(checkpoints: Checkpoints) -> None:
    assert checkpoints.load(1) is None
    for epoch in (1, 2):
        checkpoints.save(1, epoch)
        checkpoints.save(2, -epoch)
    assert (checkpoints.load(1), checkpoints.load(2)) == (2, -2)
    checkpoints.forget(1)
    checkpoints.forget(1)
    assert (checkpoints.load(1), checkpoints.load(2)) == (None, -2)


def test_all_but_the_wanted_are_removed_and_what_a_torn_write_has_left(
    checkpoints: Checkpoints, tmp_path: Path
) -> None:
    checkpoints.keep({1})  # before there is any
    for number in (1, 2, 12):
        checkpoints.save(number, number)
    (tmp_path / "checkpoints" / ".1.checkpoint-x8_k2").write_bytes(b"half")
    checkpoints.keep({1, 3})
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["1.checkpoint"]


def test_a_write_that_fails_leaves_the_former_checkpoint_and_nothing_else(
    checkpoints: Checkpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.save(1, [np.arange(3)])

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(1, [np.arange(4)])
    monkeypatch.undo()
    np.testing.assert_array_equal(checkpoints.load(1)[0], np.arange(3))
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_a_damaged_file_is_an_error(checkpoints: Checkpoints, tmp_path: Path, size: int) -> None:
    checkpoints.save(1, {"weights": np.arange(100)})
    file = tmp_path / "checkpoints" / "1.checkpoint"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"cut off|magic|header|array"):
        checkpoints.load(1)


@pytest.mark.parametrize("content", [object(), {1, 2}, np.array([object()]), {"deep": [print]}])
def test_what_would_have_to_be_pickled_is_refused(checkpoints: Checkpoints, content: object) -> None:
    with pytest.raises(TypeError, match="a checkpoint holds"):
        checkpoints.save(1, content)
    assert checkpoints.load(1) is None
