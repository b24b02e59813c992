"""The report in a browser: Debian's Chromium, without a window."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from support import Workspace
from synthetic import synthetic_study

from sweeps.report import html
from sweeps.study.view import StudyView
from tracking import SweepFacts

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)"),
]

#: writes down what the page looks like once it is drawn
PROBE = """<script>
const errors = [];
addEventListener("error", (event) => errors.push(event.message));
addEventListener("unhandledrejection", (event) => errors.push(String(event.reason)));
// what the page's policy has kept from being fetched
const asked = [];
addEventListener("securitypolicyviolation", (event) => asked.push(event.blockedURI));
const timer = setInterval(() => {
  const root = document.documentElement;
  if (root.dataset.drawn === undefined) return;
  clearInterval(timer);
  const places = [...document.querySelectorAll("[data-figure]")];
  const found = {
    figures: places.length,
    empty: places.filter((place) => !place.querySelector(".trace, .point, .contourlayer path, .heatmaplayer image"))
      .map((place) => place.dataset.figure),
    wide: places.filter((place) => place.querySelector(".main-svg").clientWidth > place.clientWidth + 1)
      .map((place) => place.dataset.figure),
    width: innerWidth,
    overflow: root.scrollWidth - root.clientWidth,
    paper: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(places[0].querySelector(".xtick text")).fill,
    errors,
    asked: asked.concat(performance.getEntriesByType("resource").map((entry) => entry.name)),
  };
  parent.postMessage(JSON.stringify(found), "*");
}, 50);
</script>"""
#: shows the page in that width, which may be less than a window has at least, and keeps what it reports
FRAME = """<html style="color-scheme: light dark"><script>
addEventListener("message", (event) => { document.documentElement.dataset.found = event.data; });
</script><iframe src="page.html" style="border: 0; width: WIDTHpx; height: 1000px"></iframe></html>"""


@pytest.fixture(scope="module")
def pages(finished: Workspace, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Reports: of a real sweep, of a regression, of failed trials only, of 2,000 trials."""
    recorded = SweepFacts({}, {})
    assert finished.here("report", "digits-mlp").returncode == 0
    studies = {
        "regression": synthetic_study(12, "val_rmse", "minimize", others={"n_params": "minimize"}),
        "failed": synthetic_study(6, failed=1),
        "many": synthetic_study(2000),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("empty"))
        written = {name: html.render(StudyView(study), "sweeps run", recorded) for name, study in studies.items()}
    real = finished.folder / "runs" / "studies" / "digits-mlp" / "report.html"
    return {"real": real.read_text(), **written}


def seen(page: str, folder: Path, width: int, dark: bool) -> dict[str, Any]:
    """What the probe has found."""
    (folder / "page.html").write_text(page.replace("<body>", f"<body>{PROBE}"))
    frame = folder / "frame.html"
    frame.write_text(FRAME.replace("WIDTH", str(width)))
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    options += ["--disable-component-update", "--disable-sync", f"--user-data-dir={folder / 'profile'}"]
    options += [f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--window-size=1500,1100"]
    options += ["--virtual-time-budget=60000", "--dump-dom"]
    done = subprocess.run([str(CHROMIUM), *options, frame.as_uri()], capture_output=True, text=True, timeout=300)
    found = re.search(r'<html [^>]*data-found="(.*?)"', done.stdout)
    assert found is not None, done.stderr[-2000:]
    read: dict[str, Any] = json.loads(unescape(found[1]))
    return read


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("name", ["real", "regression", "failed", "many"])
def test_every_figure_is_drawn_without_an_error_and_nothing_is_fetched(
    pages: dict[str, str], tmp_path: Path, name: str, width: int, dark: bool
) -> None:
    found = seen(pages[name], tmp_path, width, dark)
    assert found["errors"] == []
    assert [address for address in found["asked"] if not address.startswith(("data:", "blob:"))] == []
    assert found["empty"] == []
    assert found["wide"] == []
    assert (found["width"], found["overflow"]) == (width, 0)
    assert found["figures"] == 2 if name == "failed" else found["figures"] >= 10
    light_paper = found["paper"] == "rgb(255, 255, 255)"
    assert light_paper is not dark
    red = int(re.findall(r"\d+", found["ink"])[0])
    assert (red > 128) is dark
