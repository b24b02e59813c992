"""The documented sweeps: one command for each of the chapter's results, with the aim of a better result."""

from __future__ import annotations

import os
from dataclasses import dataclass

from benchmarks.chapter_models import TARGET, UNIT


@dataclass(frozen=True)
class Documented:
    """A sweep, and the figures that the chapter prints.

    Attributes:
        study: the name of the study.
        section: the section of the chapter.
        options: options of `sweeps run STUDY`, without those of the data.
        model: the chapter's model, a name of `chapter_models.MODELS`.
        housing: the data is the California housing file; otherwise Fashion-MNIST.
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
        """The metric of the figures: `accuracy`, or `rmse` in the chapter's unit."""
        return "rmse" if self.housing else "accuracy"

    @property
    def unit(self) -> float:
        """The divisor of this project's figures that gives the chapter's unit."""
        return UNIT if self.housing else 1.0

    def arguments(self, housing: str) -> tuple[str, ...]:
        """The arguments of `sweeps run`.

        Args:
            housing: the path of the California housing file.
        """
        data = ("--dataset", housing, "--target", TARGET) if self.housing else ("--dataset", "fashion_mnist")
        return (self.study, *data, *self.options)

    @property
    def command(self) -> str:
        """The command line; `$HOUSING` is the path of the housing file."""
        return " ".join(("sweeps run", *self.arguments("$HOUSING")))


def _options(**values: str) -> tuple[str, ...]:
    """Command-line options: `trials="4"` gives `--trials 4`; values separated by spaces repeat the option."""
    flags: list[str] = []
    for name, value in values.items():
        for part in value.split():
            flags += ["--" + name.replace("_", "-"), part]
    return tuple(flags)


#: a quick sweep: the space's defaults and a few more trials
QUICK = Documented(
    "chapter-quick",
    "10.2.2 image classifier, 300-100, in 90 s",
    _options(trials="4", epochs="10"),
    "image",
    validation=0.8912,
    test=0.8851,
)
#: large networks, regularized by dropout and a learning rate that decays to zero
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

#: the validation accuracy of each of the chapter's tuner searches
TUNERS = {"random": 0.8736, "hyperband": 0.8704, "bayesian": 0.8636}

#: the environment variable with the path of the California housing file, also used by the tests
HOUSING_VARIABLE = "SWEEPS_HOUSING_CSV"


def housing_file(path: str | None) -> str | None:
    """The absolute path of the given file, or of the environment variable's; None where neither is given."""
    named = path or os.environ.get(HOUSING_VARIABLE)
    return os.path.abspath(named) if named else None  # noqa: PTH100  (used in a command line)
