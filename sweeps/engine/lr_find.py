"""The learning-rate range test in a worker."""

from __future__ import annotations

from sweeps.engine.cluster import slots
from sweeps.engine.dispatcher import Dispatcher
from sweeps.engine.tasks import range_test, warm_up
from sweeps.trial.lr_range import RangeRequest, RangeTest


def find_learning_rates(request: RangeRequest, memory: int | None = None, timeout: float | None = None) -> RangeTest:
    """Train a model with a growing learning rate.

    Args:
        memory: bytes that the worker may have; None: no limit but the machine's.
        timeout: seconds that the test may take, without the import of TensorFlow; None: no limit.

    Raises:
        InputError: data or space are wrong, the losses suggest nothing, or it takes too long.
        TrialsFailed: the worker died.
        BackendUnreachable: the worker cannot be started, or cannot import what it needs.
    """
    with slots(1, memory) as client:
        dispatcher = Dispatcher(client)
        dispatcher.result(dispatcher.submit(warm_up), "the import of TensorFlow")
        found: RangeTest = dispatcher.result(dispatcher.submit(range_test, request), "the range test", timeout)
        return found
