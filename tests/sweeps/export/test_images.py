"""Predictions of images and of folders: each file a row, a wrong one named."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from exports import export
from PIL import Image
from support import Workspace

from sweeps.errors import InputError
from sweeps.export.images import image_inputs
from sweeps.export.manifest import Manifest

RANDOM = np.random.default_rng(0)


def exported(folder: Path, shape: tuple[int | None, ...], dtype: str = "uint8", range_: Any = (0, 255)) -> None:
    """A model whose value is the mean of the pixels."""
    inputs = keras.Input(shape, dtype=dtype)
    numbers = keras.ops.cast(inputs, "float32")
    model = keras.Model(inputs, keras.ops.mean(numbers, axis=list(range(1, len(shape) + 1))))
    model.compile("sgd", "mse")
    export(folder / "m", model)
    file = folder / "m" / "manifest.json"
    manifest = json.loads(file.read_text())
    file.write_text(json.dumps(manifest | {"compared_on": {"range": range_ and list(range_)}}))


def predict(folder: Path, file: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return Workspace(folder).here("predict", file, "--model", "m", *arguments)


def values(folder: Path, file: str) -> list[float]:
    done = predict(folder, file, "--json")
    assert done.returncode == 0, done.stderr
    return [row["value"] for row in json.loads(done.stdout)]


def picture(file: Path, shape: tuple[int, ...] = (8, 8)) -> Any:
    pixels = RANDOM.integers(0, 256, shape, "uint8")
    Image.fromarray(pixels).save(file)
    return pixels


def test_an_image_is_a_row_in_the_size_and_colours_that_the_model_takes(tmp_path: Path) -> None:
    exported(tmp_path, (8, 8))
    grey = picture(tmp_path / "grey.png")
    assert values(tmp_path, "grey.png") == pytest.approx([grey.mean()], abs=1e-3)
    colour = picture(tmp_path / "colour.png", (16, 16, 3))
    assert values(tmp_path, "colour.png") == pytest.approx(
        [colour @ [0.299, 0.587, 0.114] @ np.ones(16) @ np.ones(16) / 256], abs=1.5
    )
    picture(tmp_path / "photo.JPG", (9, 7, 3))
    assert 60 < values(tmp_path, "photo.JPG")[0] < 200


@pytest.mark.parametrize(("shape", "size"), [((8, 8, 1), (8, 8)), ((8, 8, 3), (8, 8, 3)), ((None, None, 3), (5, 6, 3))])
def test_channels_are_as_the_model_has_them(
    shape: tuple[int | None, ...], size: tuple[int, ...], tmp_path: Path
) -> None:
    exported(tmp_path, shape)
    pixels = picture(tmp_path / "x.png", size)
    assert values(tmp_path, "x.png") == pytest.approx([pixels.mean()], abs=1e-3)


def test_pixels_go_from_0_to_1_where_the_training_values_did(tmp_path: Path) -> None:
    exported(tmp_path, (8, 8), "float32", (0, 1))
    pixels = picture(tmp_path / "x.png")
    assert values(tmp_path, "x.png") == pytest.approx([pixels.mean() / 255], abs=1e-5)


@pytest.mark.parametrize("range_", [(0, 16), (-1, 1)])
def test_training_values_that_are_no_pixels_are_refused(range_: tuple[int, int], tmp_path: Path) -> None:
    exported(tmp_path, (8, 8), "float32", range_)
    picture(tmp_path / "x.png")
    done = predict(tmp_path, "x.png")
    assert done.returncode == 2
    assert f"the training values went from {range_[0]} to {range_[1]}" in done.stderr


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "uint8"])
def test_a_model_of_fractions_takes_no_images_where_the_training_values_are_not_known(dtype: str) -> None:
    entry = {"name": "x", "dtype": dtype, "shape": [None, 8, 8]}
    known = {"study": "s", "target": "value", "named_inputs": False, "features": None, "sha256": {}}
    manifest = Manifest.model_validate(known | {"input": [entry]})
    if dtype == "uint8":
        assert image_inputs(manifest).divisor == 1
        return
    with pytest.raises(InputError, match=r"range of the training values is not known.*\nExport again .* s --force"):
        image_inputs(manifest)


def test_a_model_of_other_rows_takes_no_images(tmp_path: Path) -> None:
    exported(tmp_path, (64,))
    picture(tmp_path / "x.png")
    assert (
        "images are for a model of rows (height, width[, channels]), this one takes (64,)"
        in predict(tmp_path, "x.png").stderr
    )


def test_files_of_a_folder_that_are_wrong_are_named_and_the_others_predicted(tmp_path: Path) -> None:
    exported(tmp_path, (8, 8))
    folder = tmp_path / "new"
    (folder / "sub").mkdir(parents=True)
    a, b = picture(folder / "a.png"), picture(folder / "sub" / "b.png")
    whole = (folder / "a.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").touch()
    (folder / "text.jpeg").write_text("no image")
    Image.fromarray(RANDOM.integers(0, 2**16, (8, 8), "uint16")).save(folder / "deep.png")
    (folder / "notes.txt").write_text("left out")
    done = predict(tmp_path, "new", "--output", "out.csv")
    assert (done.returncode, done.stdout) == (2, "2 predictions in out.csv\n")
    said = done.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in said[:-1]] == ["cut.png", "deep.png", "empty.png", "text.jpeg"]
    assert "8 bits a channel are needed" in said[1]
    assert said[-1] == "4 rows have no prediction (the first row is 0)"
    rows = {row["file"]: row["value"] for row in csv.DictReader((tmp_path / "out.csv").read_text().splitlines())}
    assert list(rows) == ["a.png", "cut.png", "deep.png", "empty.png", "sub/b.png", "text.jpeg"]
    assert [float(rows[name]) for name in ("a.png", "sub/b.png")] == pytest.approx([a.mean(), b.mean()], abs=1e-3)
    assert rows["cut.png"] == ""


def test_arrays_of_a_folder_are_predicted_one_after_the_other(tmp_path: Path) -> None:
    exported(tmp_path, (2,), "float32")
    folder = tmp_path / "new"
    folder.mkdir()
    np.save(folder / "a.npy", np.array([[1, 3], [5, 5]]))
    np.save(folder / "b.npy", np.ones((3, 7)))
    np.savez(folder / "c.npz", x=np.array([[2, 4]]))
    done = predict(tmp_path, "new", "--output", "out.json")
    assert done.returncode == 2
    assert "b.npy': rows of shape (2,) are wanted" in done.stderr
    found = json.loads((tmp_path / "out.json").read_text())
    assert found == [
        {"file": "a.npy", "row": 0, "value": 2.0},
        {"file": "a.npy", "row": 1, "value": 5.0},
        {"file": "c.npz", "row": 0, "value": 3.0},
    ]
    assert json.loads(predict(tmp_path, "new", "--rows", "1", "--json").stdout) == [{"value": 2.0}]


def test_a_folder_without_rows_and_one_of_wrong_files_only_are_refused(tmp_path: Path) -> None:
    exported(tmp_path, (8, 8))
    (tmp_path / "new").mkdir()
    assert "the folder has no .csv, .parquet, .npy, .npz, .png, .jpg, .jpeg file" in predict(tmp_path, "new").stderr
    (tmp_path / "new" / "x.png").write_text("no image")
    done = predict(tmp_path, "new", "--output", "out.csv")
    assert done.returncode == 2
    assert "no row can be predicted: no PNG or JPEG image, or damaged" in done.stderr
    assert not (tmp_path / "out.csv").exists()
