"""Exports of a finished study: another trial, an ensemble, the model card, and what is told on the way."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from typing import Any

import numpy as np
import pytest
import requests
from servers import free_port
from sklearn.datasets import load_digits
from support import Workspace

import sweeps

pytestmark = pytest.mark.slow

STUDY = "digits-mlp"


@pytest.fixture(scope="module")
def swept(finished: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of a finished study, in which exports come and go."""
    return finished.copied(tmp_path_factory.mktemp("exports") / "copy")


def exported(swept: Workspace, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    done = swept.here("export", STUDY, "--force", *arguments)
    assert done.returncode == 0, done.stderr
    return done, json.loads((swept.folder / "exports" / STUDY / "manifest.json").read_text())


def card(swept: Workspace) -> str:
    return (swept.folder / "exports" / STUDY / "MODEL_CARD.md").read_text()


def ranked(swept: Workspace) -> list[dict[str, Any]]:
    rows = [row for row in swept.json("list", STUDY) if row["state"] == "COMPLETE"]
    return sorted(rows, key=lambda row: (-row["value"], row["number"]))


def test_export_says_what_it_does_and_how_the_formats_compare(swept: Workspace) -> None:
    done, manifest = exported(swept)
    steps = [line for line in done.stderr.splitlines() if line.endswith(" …")]
    assert [step.split()[0] for step in steps] == ["loading", "loading", "writing", "comparing", "registering"]
    assert set(manifest["formats"]) == {"keras", "savedmodel"}
    assert manifest["compared_on"] == {"rows": 256, "inputs": "rows of the study", "limit": 1e-4, "range": [0, 16]}
    assert "keras, savedmodel: loaded again in clean processes, " in done.stdout


def test_the_model_card_holds_figures_of_the_study_and_no_others(swept: Workspace) -> None:
    _, manifest = exported(swept)
    said = card(swept)
    best = ranked(swept)[0]
    assert f"Trial {best['number']}, epoch {manifest['epoch']}: val_accuracy {best['value']:.4f}" in said
    assert "1,079 training rows, 359 validation rows, 359 test rows." in said
    for name, value in best["params"].items():
        assert re.search(rf"\| {name} \| ", said), (name, value)
    assert "Not confirmed: the value is the best of many" in said
    assert "This model was not looked at on test rows." in said
    counts = swept.json("status", STUDY)["trials"]
    assert all(f"{count} {state}" in said for state, count in counts.items() if count)
    headings = re.findall(r"^## (.*)$", said, re.MULTILINE)
    assert headings == [
        "Model",
        "Data",
        "Split",
        "Search",
        "Winner",
        "Confirmation",
        "Test rows",
        "Files",
        "Limits",
        "How to load",
    ]


def test_another_trial_is_exported_and_the_champion_stays(swept: Workspace) -> None:
    exported(swept)
    worst = ranked(swept)[-1]
    done, manifest = exported(swept, "--trial", str(worst["number"]))
    assert (manifest["trial"], manifest["value"]) == (worst["number"], worst["value"])
    assert "not registered in MLflow" in done.stdout
    assert f"It is not the best of the study, which is trial {ranked(swept)[0]['number']}" in card(swept)
    assert swept.here("doctor", STUDY).returncode == 0
    predicted(swept)
    (swept.folder / "exports" / STUDY / "model.keras").write_bytes(b"damaged")
    assert swept.here("doctor", STUDY, "--fix").returncode == 0
    assert json.loads((swept.folder / "exports" / STUDY / "manifest.json").read_text())["trial"] == worst["number"]


def predicted(swept: Workspace) -> list[dict[str, Any]]:
    np.save(swept.folder / "x.npy", load_digits().images[:5].astype("uint8"))
    found: list[dict[str, Any]] = swept.json("predict", "x.npy", "--model", f"exports/{STUDY}")
    return found


def test_an_ensemble_averages_the_best_trials_and_stands_beside_the_best_alone(
    swept: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, manifest = exported(swept, "--ensemble", "3", "--test")
    members = [member["trial"] for member in manifest["ensemble"]["members"]]
    assert members == [row["number"] for row in ranked(swept)[:3]]
    assert (manifest["trial"], manifest["value"]) == (None, None)
    monkeypatch.chdir(swept.folder)
    result = sweeps.Result(STUDY)
    assert result.test_data is not None
    x, y = result.test_data
    models = [result.model(number) for number in members]
    mean = np.mean([model.predict(x, verbose=0) for model in models], axis=0)
    figures = manifest["ensemble"]["figures"]
    assert figures["test"]["ensemble"]["accuracy"] == pytest.approx((mean.argmax(axis=1) == y).mean())
    single = models[0].predict(x, verbose=0).argmax(axis=1) == y
    assert figures["test"]["single"]["accuracy"] == pytest.approx(single.mean())
    assert figures["validation"]["single"]["accuracy"] == pytest.approx(ranked(swept)[0]["value"], abs=1e-6)
    assert "359 validation rows: ensemble accuracy 0." in done.stdout
    assert "| best trial alone | accuracy 0." in card(swept)
    probabilities = [list(row["probabilities"].values()) for row in predicted(swept)]
    images = load_digits().images[:5].astype("uint8")
    expected = np.mean([model.predict(images, verbose=0) for model in models], axis=0)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert swept.here("doctor", STUDY).returncode == 0
    again = swept.here("export", STUDY, "--force", "--ensemble", "3", "--test")
    assert again.returncode == 2
    assert "were looked at once, last for the ensemble of trials" in again.stderr
    _, manifest = exported(swept, "--ensemble", "2")
    assert manifest["ensemble"]["figures"]["test"] is None
    assert "looked at once" in manifest["ensemble"]["figures"]["notes"][0]


def test_mlflow_serves_an_export_and_a_changed_one_is_refused(swept: Workspace) -> None:
    exported(swept)
    port = free_port()
    arguments = ["serve", "--model", f"exports/{STUDY}", "--port", str(port)]
    process = swept.start(*arguments)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("curl"):
                break
        images = load_digits().images[:5].astype("uint8")
        answer = requests.post(f"http://127.0.0.1:{port}/invocations", json={"inputs": images.tolist()}, timeout=60)
        assert [row["class"] for row in answer.json()["predictions"]] == [row["class"] for row in predicted(swept)]
    finally:
        os.killpg(process.pid, signal.SIGINT)
        output, error = process.communicate(timeout=60)
    assert process.returncode == 130, output + error
    weights = swept.folder / "exports" / STUDY / "saved_model" / "variables" / "variables.data-00000-of-00001"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    refused = swept.here(*arguments)
    assert refused.returncode == 5
    assert "is not what was exported (its SHA-256 differs from the manifest)" in refused.stderr
