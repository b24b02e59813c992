"""What a trial on a cluster costs the network: `python -m benchmarks.network [DATASET]`.

A driver and one worker on this machine, as on two; what goes through their connection is counted in the driver.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter, defaultdict
from contextlib import chdir
from statistics import mean
from unittest import mock

from distributed import Client, LocalCluster

import sweeps
from sweeps.engine import remote
from sweeps.engine.driver import Driver
from sweeps.engine.listener import listening

TRIALS, EPOCHS = 10, 10


def main(dataset: str) -> None:
    """Run a sweep and print what its trials sent and got."""
    questions: dict[int, Counter[str]] = defaultdict(Counter)
    size: dict[int, Counter[str]] = defaultdict(Counter)
    sent: list[int] = []
    answer = Driver.answer

    def counted(driver: Driver, message: bytes) -> bytes:
        found = answer(driver, message)
        number, _, asked, _ = json.loads(message.partition(b"\n")[0])
        what = {"save": "checkpoints", "load": "checkpoints", "model": "model"}.get(asked, "questions")
        questions[number][what] += 1
        size[number][what] += len(message) + len(found)
        return found

    def counting(client: Client, give: object) -> object:
        def given(message: bytes) -> bytes:
            content: bytes = give(message)  # type: ignore[operator]
            sent.append(len(content))
            return content

        return listening(client, given)

    with (
        tempfile.TemporaryDirectory() as folder,
        chdir(folder),
        mock.patch.object(Driver, "answer", counted),
        mock.patch.object(remote, "listening", counting),
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        options = {"trials": TRIALS, "epochs": EPOCHS, "baselines": False, "pruner": "none", "start": "none"}
        sweeps.run("mlp", dataset, cluster=client, show=False, **options)
    print(f"{dataset}: the data, once a worker process: {', '.join(f'{n / 1e6:.2f}' for n in sent)} MB")
    for what in ("questions", "checkpoints", "model"):
        counts, sizes = ([one[what] for one in found.values()] for found in (questions, size))
        print(
            f"{what}: {mean(counts):.1f} a trial, {mean(sizes) / 1e3:.1f} kB a trial ({max(sizes) / 1e3:.1f} at most)"
        )


if __name__ == "__main__":
    main(*sys.argv[1:] or ["digits"])
