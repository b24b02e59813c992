"""`python -m benchmarks.round_trip`: how long a worker waits for the driver's answer at an epoch's end."""

from __future__ import annotations

import json
import pickle
import statistics
import time

import click

#: questions that are timed, and before them some that are not
_TIMED, _BEFORE = 2000, 200
#: milliseconds of the epoch that the answer is compared with
_EPOCH = 20.0


def round_trips(address: str) -> list[float]:
    """Milliseconds of each question, with the metrics of an epoch; run in a worker."""
    from sweeps.trial.line import DaskLine

    line, times = DaskLine(address), []
    metrics = {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.6, "val_accuracy": 0.79}
    for step in range(_BEFORE + _TIMED):
        events = [["log_metrics", metrics, step], ["report", 0.79, step], ["epoch", step, _TIMED, 0.79]]
        began = time.perf_counter()
        line.ask(0, events, "should_prune")
        times.append(1000 * (time.perf_counter() - began))
    return times[_BEFORE:]


@click.command()
def main() -> None:
    """Time the connection alone, without what the driver does to answer."""
    from sweeps.engine.cluster import slots
    from sweeps.engine.listener import listening

    def answer(question: bytes) -> bytes:
        json.loads(question)
        return pickle.dumps(False)

    with slots(1) as client, listening(client, answer) as address:
        times = client.submit(round_trips, address).result()
    middle, slow = statistics.median(times), statistics.quantiles(times, n=100)[98]
    share = f"{middle / _EPOCH:.1%} of an epoch of {_EPOCH:.0f} ms"
    click.echo(f"round trip: median {middle:.2f} ms, 99 % below {slow:.2f} ms; {share}")


if __name__ == "__main__":
    main()
