"""`make` with hostile variables: they reach the command line as they are, and no shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

MAKEFILE = ROOT / "Makefile"

HOSTILE = [
    "a;touch sprung",
    "a';touch sprung;'",
    'a";touch sprung;"',
    "$(touch sprung)",
    "$(shell touch sprung)",
    "$$(touch sprung)",
    "`touch sprung`",
    "a\ntouch sprung",
    "a && touch sprung",
    "a | touch sprung",
    "${PATH}",
    "-rf",
    "a\\",
    "*",
]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A checkout whose `sweeps` writes down what it is given."""
    (tmp_path / "Makefile").write_text(MAKEFILE.read_text())
    for file in ("pyproject.toml", "constraints.txt"):
        (tmp_path / file).touch()
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").symlink_to(sys.executable)
    script = f"#!{sys.executable}\nimport json, sys\njson.dump(sys.argv[1:], open('given.json', 'w'))\n"
    (binaries / "sweeps").write_text(script)
    (binaries / "sweeps").chmod(0o755)
    (tmp_path / ".venv" / "installed").touch()
    return tmp_path


def make(folder: Path, *arguments: str, **environment: str) -> list[str]:
    """What `sweeps` is given by `make`."""
    inherited = {"PATH": os.environ["PATH"], "PYTHONPATH": str(MAKEFILE.parent)}
    subprocess.run(["make", *arguments], cwd=folder, env=inherited | environment, check=True, capture_output=True)
    given = json.loads((folder / "given.json").read_text())
    assert isinstance(given, list)
    return given


@pytest.mark.parametrize("text", HOSTILE)
def test_a_variable_is_text(text: str, made: Path) -> None:
    variables = ("DATASET", "SPACE", "TRIALS", "EPOCHS", "JOBS", "SEED", "SAMPLER", "PRUNER", "STUDY")
    for given in (
        make(made, "sweep", *(f"{variable}={text}" for variable in variables)),
        make(made, "sweep", **dict.fromkeys(variables, text)),
    ):
        assert given[2::2] == [text] * len(variables)
    assert not (made / "sprung").exists()


def test_a_study_is_text_to_every_target(made: Path) -> None:
    assert make(made, "best", f"STUDY={HOSTILE[0]}") == ["best", "--", HOSTILE[0]]
    assert not (made / "sprung").exists()


def test_words_of_args_keep_their_quotes_and_run_nothing(made: Path) -> None:
    words = "--target 'house price' --set a=\"b c\" ; touch sprung $(touch sprung) *"
    given = make(made, "best", "STUDY=s", f"ARGS={words}")
    expected = ["--target", "house price", "--set", "a=b c", ";", "touch", "sprung", "$(touch", "sprung)", "*"]
    assert given == ["best", *expected, "--", "s"]
    assert not (made / "sprung").exists()


def test_an_open_quote_in_args_is_said(made: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as error:
        make(made, "best", "STUDY=s", "ARGS='")
    assert b"ARGS: No closing quotation" in error.value.stderr
    assert b"Traceback" not in error.value.stderr


def test_what_is_not_given_has_its_default(made: Path) -> None:
    options = {"dataset": "digits", "space": "mlp", "trials": "20", "epochs": "20", "seed": "0"}
    options |= {"sampler": "tpe"}
    given = [word for name, value in options.items() for word in (f"--{name}", value)]
    assert make(made, "sweep") == ["run", *given, "--", "digits-mlp"]
    assert make(made, "sweep", "JOBS=2", "DATASET=my data.csv")[-3:] == ["tpe", "--", "my-data-mlp"]
    assert make(made, "sweep", "PRUNER=asha")[-4:] == ["--pruner", "asha", "--", "digits-mlp"]


def test_tensorboard_is_shown_of_the_study(made: Path) -> None:
    assert make(made, "tensorboard", "STUDY=s") == ["tensorboard", "--", "s"]
    assert make(made, "tensorboard", "ARGS=--write-only") == ["tensorboard", "--write-only", "--", "digits-mlp"]
