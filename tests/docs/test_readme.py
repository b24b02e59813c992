"""README.md says what works: its commands, in order in one workspace, are ones that the command line takes and whose
data, spaces and options pass the look before a sweep."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np
import pandas as pd
import pytest
from support import ROOT

from sweeps.cli.main import cli
from sweeps.config import SweepConfig, load_config
from sweeps.engine.sweep import check
from sweeps.trial.plan import CheckedSweep
from sweeps.trial.preflight import preflight

PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
#: indented commands, and those in the prose
LINES = [
    *re.findall(r"^    (make|\.venv/bin/sweeps) (.*)$", PAGE, re.M),
    *re.findall(r"`(sweeps) ([a-z-]+ .*?)`", PAGE),
]


def commands() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each `sweeps …` of the page as its name and options; `make` has the command line's defaults."""
    for program, text in LINES:
        words = shlex.split(text, comments=True)
        if program == "make":
            target = words.pop(0)
            assert re.search(rf"^{target}:", MAKEFILE, re.M), f"make has no {target}"
            given = dict(word.split("=", 1) for word in words)
            if target != "sweep":
                continue
            options = shlex.split(given.pop("ARGS", ""))
            study = [given.pop("STUDY")] if "STUDY" in given else []
            words = [
                "run",
                *study,
                *(part for name, one in given.items() for part in (f"--{name.lower()}", one)),
                *options,
            ]
        name, *rest = words
        command = cli.commands[name]
        context = click.Context(command, info_name=name)
        command.parse_args(context, rest)
        yield name, context.params


@pytest.fixture
def files(here: Path) -> Path:
    """The files that the page speaks of."""
    x = np.random.default_rng(0).normal(size=(120, 2))
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1]})
    frame.assign(price=x.sum(axis=1)).to_csv(here / "houses.csv", index=False)
    frame.assign(vote=np.where(x[:, 0] > 0, "yes", "no"), weight=1.5).to_csv(here / "survey.csv", index=False)
    np.savez(here / "images.npz", x=np.zeros((60, 8, 8), "uint8"), y=np.arange(60) % 3)
    (here / "my_space.py").write_text(next(re.finditer(r"^```python\n(.*?)^```", PAGE, re.M | re.S))[1])
    (here / "my_callbacks.py").write_text("import keras\n\n\ndef make():\n    return keras.callbacks.Callback()\n")
    (here / "sweep.toml").write_text('study = "file"\n[set]\nn_hidden = 2\n')
    (here / "known-good.json").write_text(next(re.finditer(r"# (\[\{.*\}\])$", PAGE, re.M))[1])
    return here


def test_no_sweep_of_the_page_is_refused(files: Path) -> None:
    begun: dict[str, Any] = {}
    for name, options in commands():
        if name != "run":
            continue
        config = _config(options)
        if config.dataset == "fashion_mnist":
            config = config.model_copy(update={"dataset": "digits"})
        request = replace(check(config), total=0)  # no random draws beside the default values
        checked = CheckedSweep(config, request, preflight(request, None))
        keras.utils.clear_session()
        assert begun.setdefault(config.study, checked.identity) == checked.identity, (
            f"{config.study} is begun otherwise"
        )
    assert len(begun) > 10


def _config(options: dict[str, Any]) -> SweepConfig:
    given = {name.rstrip("_"): value for name, value in options.items() if value not in ((), None)}
    return load_config(given, given.pop("config", None))
