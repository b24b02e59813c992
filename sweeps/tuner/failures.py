"""Errors of a search as KerasTuner's code expects them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from keras_tuner import errors

from sweeps.errors import InputError, SweepError, TrialsFailed


class WrongResult(InputError, errors.FatalTypeError):  # type: ignore[misc]
    """What a hypermodel's function returned is nothing that a search can use."""


class TooManyFailures(TrialsFailed, RuntimeError):
    """More trials failed in a row than `max_consecutive_failed_trials` allows; KerasTuner raises a RuntimeError."""


@contextlib.contextmanager
def as_keras_tuner_raises() -> Iterator[None]:
    """Raise the errors of the block as KerasTuner raises them.

    Raises:
        FatalError: of the class that the user's code raised.
        TooManyFailures: too many trials failed in a row.
    """
    try:
        yield
    except SweepError as error:
        if error.fatal is not None and not isinstance(error, errors.FatalError):
            raise getattr(errors, error.fatal)(str(error)) from None
        if isinstance(error, TrialsFailed):
            raise TooManyFailures(*error.args) from None
        raise
