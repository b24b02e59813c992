"""The report of a study: one HTML file that opens from disk and fetches nothing."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import plotly.io
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from sweeps.errors import BackendUnreachable, InputError, MachineFault, SweepError
from sweeps.report import facts
from sweeps.report.sections import Section, evaluated, sections
from sweeps.study import confirmation, results
from sweeps.study.attributes import DATA, PARENT_RUN
from sweeps.study.record import in_reach, store_of
from sweeps.study.view import StudyView
from sweeps.system import paths
from sweeps.system.atomic_files import atomic_write
from tracking import SweepFacts, attach, sweep_facts

#: its name in the study's folder and among the artifacts of the sweep's run
NAME = "report.html"
_PAGE = resources.files("sweeps.report") / "page"


def write(study: str, command: str, output: Path | None = None, more: Sequence[Section] = ()) -> tuple[Path, str]:
    """Write the report of a study, and make it an artifact of the sweep's MLflow run.

    Args:
        command: what repeats the sweep.
        output: where; None: `report.html` in the study's folder.
        more: sections that come before the others.

    Returns:
        The file, and why it is not in MLflow; "" if it is.

    Raises:
        InputError: there is no such study, or no such folder.
        CorruptStore: the study's journal cannot be read.
        MachineFault: the file cannot be written.
    """
    view = StudyView(results.open_study(study))
    to = paths.study_folder(study) / NAME if output is None else output
    if not to.parent.is_dir() or to.is_dir():
        raise InputError(f"--output: a file in a folder that is there is wanted, got {str(to)!r}")
    parent, unrecorded = view.user_attrs.get(PARENT_RUN), ""
    recorded = SweepFacts({}, {})
    try:
        with in_reach():
            recorded = sweep_facts(store_of(study), str(parent))
    except BackendUnreachable as error:
        unrecorded = str(error)
    text = render(view, command, recorded, more)
    try:
        with atomic_write(to) as file:
            file.write(text.encode())
    except OSError as error:
        raise MachineFault(f"--output: {str(to)!r} cannot be written: {error.strerror or error}") from None
    if not unrecorded:
        try:
            with in_reach():
                attach(store_of(study), str(parent), to)
        except SweepError as error:
            unrecorded = str(error)
    return to, unrecorded


def render(view: StudyView, command: str, recorded: SweepFacts, more: Sequence[Section] = ()) -> str:
    """The page as text.

    Args:
        recorded: what MLflow has of the sweep.
        more: see `write`.
    """
    confirmed = confirmation.current(view)
    tested = [evaluated("test", "On the test rows", confirmed.test)] if confirmed and confirmed.test else []
    listed = [*tested, *more, *sections(view)]
    figures = {name: _json(figure) for section in listed for name, figure in section.figures.items()}
    missing: dict[str, list[str]] = {}
    for section in listed:
        if section.missing:
            missing.setdefault(section.missing, []).append(section.title)
    card, no_winner = None, ""
    try:
        card = facts.card(view, facts.rows_of(recorded), confirmed)
    except InputError as error:
        no_winner = str(error).splitlines()[0]
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return page.from_string((_PAGE / "page.html").read_text()).render(
        study=view.study_name,
        subtitle=_subtitle(view),
        objective=view.objective.metric if confirmed else view.label,
        card=card,
        no_winner=no_winner,
        tiles=facts.tiles(view),
        finalists=facts.finalists(confirmed) if confirmed else None,
        board=facts.board(view),
        errors=facts.errors(view),
        sections=[section for section in listed if not section.missing],
        missing=missing,
        command=command,
        facts=facts.facts(view, recorded),
        figures=_markup(f"{{{', '.join(f'{json.dumps(name)}: {text}' for name, text in figures.items())}}}"),
        templates=_markup(json.dumps({name: _template(f"plotly_{of}") for name, of in _TEMPLATES.items()})),
        plotly=Markup(_packed(get_plotlyjs())),
        style=Markup((_PAGE / "style.css").read_text()),
        script=Markup((_PAGE / "draw.js").read_text()),
    )


_TEMPLATES = {"light": "white", "dark": "dark"}


def _template(name: str) -> Any:
    return plotly.io.templates[name].to_plotly_json()


def _json(figure: Any) -> str:
    return str(figure.to_json())


def _markup(text: str) -> Markup:
    """JSON in a script element, which no text in it can end."""
    return Markup(text.replace("<", "\\u003c"))


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _subtitle(view: StudyView) -> str:
    task = str(view.user_attrs.get(DATA, {}).get("task") or "")
    return f"{task + '; ' if task else ''}report of {time.strftime('%Y-%m-%d %H:%M')}"
