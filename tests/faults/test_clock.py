"""The clock of the wall is moved by an hour, forth and back, under a running sweep: nothing is overdue or lost."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from faults.conftest import PacedSweep

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("gcc"), reason="gcc, which compiles the clock that can be moved, is not there"),
]

#: put before the C library's functions: what the clock says, and the seconds that a file holds
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long moved(void) {
    char text[32] = {0};
    const char *path = getenv("CLOCK_MOVED_BY");
    int file = path ? open(path, O_RDONLY) : -1;
    if (file < 0) return 0;
    long count = read(file, text, sizeof text - 1);
    close(file);
    return count > 0 ? atol(text) : 0;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += moved();
    return failed;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *now) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}
"""


class MovedClock(PacedSweep):
    """A workspace whose processes see a clock that can be moved."""

    @property
    def environment(self) -> dict[str, str]:
        moved = {"LD_PRELOAD": str(self.folder / "clock.so"), "CLOCK_MOVED_BY": str(self.folder / "moved")}
        return super().environment | moved

    def move(self, seconds: int) -> None:
        """From now on the clock is wrong by so much."""
        (self.folder / "moved").write_text(str(seconds))


def test_a_clock_that_is_moved_by_an_hour_costs_nothing(paced: PacedSweep) -> None:
    (paced.folder / "clock.c").write_text(CLOCK)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", "clock.so", "clock.c", "-ldl"], cwd=paced.folder, check=True)
    sweep = MovedClock(paced.folder)
    sweep.pace(0.4)
    running = sweep.start(*sweep.options(6, "--trial-timeout", "60", epochs=4))
    for seconds in (3600, -3600, 0):
        sweep.in_mid_epoch(running)
        sweep.move(seconds)
        sweep.in_mid_epoch(running)
    _, said = running.communicate(timeout=300)
    assert running.returncode == 0, said
    rows = sweep.json("list", sweep.study)
    assert [(row["state"], row["error"]) for row in rows] == [("COMPLETE", None)] * 6
    sweep.assert_whole(6)
