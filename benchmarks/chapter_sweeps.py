"""The documented sweeps: for each of the chapter's results one command that is to beat it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from benchmarks.chapter_models import TARGET, UNIT


@dataclass(frozen=True)
class Documented:
    """One sweep and what the chapter prints.

    Attributes:
        study: its name.
        section: of the chapter.
        options: of `sweeps run STUDY`, beside those of the data.
        model: the chapter's own, by its name in `chapter_models.MODELS`.
        housing: whether the data is the California housing file; Fashion-MNIST otherwise.
        validation, test: the chapter's figures; None where it prints none.
    """

    study: str
    section: str
    options: tuple[str, ...]
    model: str
    housing: bool = False
    validation: float | None = None
    test: float | None = None

    @property
    def metric(self) -> str:
        """Of the figures: accuracy, or the RMSE in the chapter's unit."""
        return "rmse" if self.housing else "accuracy"

    @property
    def unit(self) -> float:
        """What this project's figure is divided by to be in the chapter's unit."""
        return UNIT if self.housing else 1.0

    def arguments(self, housing: str) -> tuple[str, ...]:
        """All of `sweeps run`'s.

        Args:
            housing: the path of the California housing file.
        """
        data = ("--dataset", housing, "--target", TARGET) if self.housing else ("--dataset", "fashion_mnist")
        return (self.study, *data, *self.options)

    @property
    def command(self) -> str:
        """As a person types it; `$HOUSING` names the file."""
        return " ".join(("sweeps run", *self.arguments("$HOUSING")))


def _options(**given: str) -> tuple[str, ...]:
    """`trials="4"` as `--trials 4`; `set` may hold several, with spaces between."""
    flags: list[str] = []
    for name, value in given.items():
        for one in value.split():
            flags += ["--" + name.replace("_", "-"), one]
    return tuple(flags)


#: a first look: the space's defaults and a few trials more
QUICK = Documented(
    "chapter-quick",
    "10.2.2 image classifier, 300-100, in 90 s",
    _options(trials="4", epochs="10"),
    "image",
    validation=0.8912,
    test=0.8851,
)
#: networks that are larger than needed, held back by dropout and a rate that falls to nothing
LONG = Documented(
    "chapter-long",
    "10.2.2 image classifier, 300-100, in 15 minutes",
    _options(
        trials="12",
        epochs="30",
        set="n_hidden=2 n_neurons=512 activation=relu,swish dropout=0.25 optimizer=adam,adamw "
        "learning_rate=5e-4..15e-4 batch_size=64,128 schedule=cosine",
    ),
    "image",
    validation=0.8912,
    test=0.8851,
)
REGRESSION = Documented(
    "chapter-regression",
    "10.2.3 regression, 50-50-50",
    _options(
        trials="16",
        epochs="40",
        set="n_hidden=2..4 n_neurons=64..256 activation=relu,swish,gelu dropout=0..0.125 learning_rate=5e-4..5e-3",
    ),
    "regression",
    housing=True,
    test=0.53,
)
TWO_INPUTS = Documented(
    "chapter-two-inputs",
    "10.2.4 Wide & Deep with two inputs",
    _options(
        space="wide_and_deep_two_inputs",
        trials="16",
        epochs="40",
        set="n_hidden=2..4 n_neurons=64..256 activation=relu,swish,gelu dropout=0..0.125 learning_rate=5e-4..5e-3",
    ),
    "two_inputs",
    housing=True,
    test=0.582,
)

SWEEPS = (QUICK, LONG, REGRESSION, TWO_INPUTS)

#: the chapter's tuner searches: its validation accuracy by search
TUNERS = {"random": 0.8736, "hyperband": 0.8704, "bayesian": 0.8636}

#: names the California housing file, as for the tests
HOUSING_VARIABLE = "SWEEPS_HOUSING_CSV"


def housing_file(given: str | None) -> str | None:
    """The file's absolute path: the one given, else the one that the environment names; None without either."""
    named = given or os.environ.get(HOUSING_VARIABLE)
    return os.path.abspath(named) if named else None  # noqa: PTH100  (a text goes into a command line)
