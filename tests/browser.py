"""Debian's Chromium, without a window."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)")


def dom(address: str, profile: Path, *options: str, milliseconds: int = 60_000) -> str:
    """The elements of a page after its scripts have run, as HTML.

    Args:
        profile: a folder for what the browser keeps between two pages.
        milliseconds: how much time passes for the page, which does not wait for it.
    """
    fixed = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    fixed += ["--disable-component-update", "--disable-sync", f"--user-data-dir={profile}"]
    fixed += [f"--virtual-time-budget={milliseconds}", "--dump-dom"]
    done = subprocess.run([str(CHROMIUM), *fixed, *options, address], capture_output=True, text=True, timeout=300)
    assert done.stdout, done.stderr[-2000:]
    return done.stdout
