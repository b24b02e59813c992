"""What is known of registered spaces without Keras, so that a wrong `--set` is refused at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import Workspace

from search_spaces.registry import SPACES
from sweeps.errors import InputError
from sweeps.space.declare import FILE, declared
from sweeps.space.registered import check_set


def test_the_file_has_what_the_spaces_declare() -> None:
    assert json.loads(FILE.read_text()) == json.loads(json.dumps(declared())), (
        "python -m sweeps.space.declare writes it"
    )
    assert set(declared()) == set(SPACES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("n_hiden=2", "unknown hyperparameter 'n_hiden'. Did you mean 'n_hidden'?"),
        ("n_hidden=99", "n_hidden must be one of the space's values, got '99'\nAllowed: 0..8"),
        ("n_hidden=two", "n_hidden must be an integer, got 'two'"),
        ("n_hidden=1..99", "the range must lie within the space's\nAllowed: 0..8"),
        ("n_hidden=3..1", "low <= high must hold, got low=3, high=1"),
        ("optimizer=adam,lion", "optimizer must be one of the space's values, got 'lion'\nAllowed: adamw, adam, sgd"),
        ("optimizer=a..b", "LOW..HIGH is for numbers"),
        ("dropout=0.3", "dropout must be one of the space's values"),
        (f"n_hidden={'9' * 400}", "--set n_hidden=…: n_hidden must be one of the space's values"),
        ("learning_rate=nan", "learning_rate must be a finite number, got 'nan'"),
        ("batch_norm=maybe", "batch_norm must be true or false, got 'maybe'"),
        ("n_hidden", "--set must be NAME=VALUE, NAME=LOW..HIGH or NAME=A,B,C"),
    ],
)
def test_what_a_space_does_not_have_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        check_set("mlp", [text])
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        *("n_hidden=1..4", "n_hidden=2", "optimizer=adam,sgd", "dropout=0,0.25", "learning_rate=1e-3..1e-2"),
        *("epochs=5..10", "batch_norm=true", "batch_size=16", "batch_size=16..64", "n_neurons = 64,128"),
    ],
)
def test_what_a_space_has_is_left_to_the_check_of_the_sweep(text: str) -> None:
    check_set("mlp", [text])


def test_of_a_space_of_ones_own_nothing_is_known() -> None:
    check_set("mine.py:build", ["anything=1"])


def test_it_is_refused_without_an_import_of_tensorflow(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom sweeps.config import load_config\nfrom sweeps.engine.sweep import check\n"
        "try:\n    check(load_config({'set': ['n_hiden=2']}))\nexcept Exception as error:\n    print(error)\n"
        "print('keras' in sys.modules, 'tensorflow' in sys.modules)"
    )
    workspace = Workspace(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=workspace.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Did you mean 'n_hidden'?" in done.stdout
    assert done.stdout.splitlines()[-1] == "False False"
    assert workspace.files == []


def test_a_hyperparameter_that_is_named_after_a_column_is_left_to_the_check_of_the_sweep() -> None:
    check_set("wide_and_deep_two_inputs", ["features/households=wide"])
    for space, text in (("wide_and_deep_two_inputs", "features/0=narrow"), ("mlp", "features/households=wide")):
        with pytest.raises(InputError):
            check_set(space, [text])
