"""What MLflow's UI shows of an experiment: its description and its saved views, and the addresses of its pages."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from mlflow.utils.time import get_current_time_millis

from tracking.names import safe_name
from tracking.store import KIND, Store, twice_if_outrun

#: the tag with the description of an experiment or a run, in Markdown
NOTE = "mlflow.note.content"
#: the tags of an experiment with the views that its page offers by name
_VIEW = "mlflow.sharedViewState."
#: the id of the view that this module saves
TRIALS = "trials"
#: hyperparameters in the parallel coordinates
_AXES = 6
#: of a run's description MLflow keeps so many characters
NOTE_LENGTH = 8000


@dataclass(frozen=True)
class TrialsView:
    """Which columns, order and charts the trials of an experiment are shown with.

    Attributes:
        name: in the menu of views.
        score: the metric that orders the trials and is the last axis of the parallel coordinates.
        ascending: whether the lowest score comes first.
        params: the hyperparameters that tell the trials apart.
        tags: further columns; the first of them comes before the hyperparameters.
        curves: the metrics whose curves are drawn, the most important first.
    """

    name: str
    score: str
    ascending: bool
    params: Sequence[str]
    tags: Sequence[str]
    curves: Sequence[str]

    def state(self, kind: str) -> dict[str, Any]:
        """The state of the page, as the UI reads it; `kind` is the tag with a trial's number."""
        score = safe_name(self.score)
        params = [safe_name(name) for name in self.params]
        tags = [_column("tags", tag) for tag in self.tags]
        columns = [_column("metrics", score), *tags[:1], *(_column("params", name) for name in params), *tags[1:]]
        columns.append(_column("attributes", "Description"))
        name, date = _column("attributes", "Run Name"), "runDateAndNestInfo"
        return {
            "searchFilter": f"tags.{kind} LIKE '%'",
            "orderByKey": _column("metrics", score),
            "orderByAsc": self.ascending,
            "selectedColumns": columns,
            "columnOrder": [name, date, *columns],
            "columnWidths": {name: 330, date: 130, **dict.fromkeys(columns, 120), columns[-1]: 300},
            "runsHiddenMode": "SHOW_ALL",
            "hideEmptyCharts": True,
            "isAccordionReordered": True,
            "compareRunCharts": [
                _card("parallel", "PARALLEL", selectedParams=params[:_AXES], selectedMetrics=[score], showAllRuns=True),
                *(_line(safe_name(name)) for name in self.curves),
                # the page would make a chart of one bar for each trial
                _card("score", "BAR", metricKey=score, deleted=True, isGenerated=True),
            ],
            "compareRunSections": [
                {"uuid": _SECTION, "name": "Model metrics", "display": True, "isReordered": True, "isGenerated": False}
            ],
        }


def show_experiment(store: Store, view: TrialsView, note: str) -> None:
    """Describe the experiment, and save the view of its trials; both replace what an earlier call has saved.

    Args:
        note: the description, in Markdown.
    """
    now = get_current_time_millis()
    state = zlib.compress(json.dumps(view.state(store.kind)).encode())
    saved = {
        "name": view.name,
        "createdAt": now,
        "updatedAt": now,
        "state": f"deflate;{base64.b64encode(state).decode()}",
    }
    tags = KIND | {NOTE: note, _VIEW + TRIALS: json.dumps(saved)}
    for key, value in tags.items():
        twice_if_outrun(partial(store.client.set_experiment_tag, store.experiment_id, key, value))


def trials_page(store: Store) -> str:
    """The page with the trials in that view, relative to the server's address."""
    return f"#/experiments/{store.experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={TRIALS}"


def charts_page(store: Store) -> str:
    """The same as charts."""
    return f"{trials_page(store)}&compareRunsMode=CHART"


def run_page(store: Store, run_id: str) -> str:
    """The page of a run, relative to the server's address."""
    return f"#/experiments/{store.experiment_id}/runs/{run_id}?workflowType=machine_learning"


def artifact(run_id: str, file: str) -> str:
    """An artifact of a run, relative to the server's address."""
    return f"get-artifact?path={quote(file)}&run_uuid={run_id}"


def _column(kind: str, name: str) -> str:
    """The id of a column."""
    return f"{kind}.`{name}`"


#: the id of the section of all charts; the page adds those of other metrics to the one of that name
_SECTION = "trials"


def _card(identifier: str, kind: str, **config: Any) -> Mapping[str, Any]:
    """A chart as the UI keeps it."""
    defaults = {"runsCountToCompare": 100, "metricSectionId": _SECTION, "deleted": False, "isGenerated": False}
    return {"uuid": identifier, "type": kind, **defaults, **config}


def _line(metric: str) -> Mapping[str, Any]:
    return _card(
        f"curve-{metric}",
        "LINE",
        metricKey=metric,
        selectedMetricKeys=[metric],
        isGenerated=True,
        lineSmoothness=0,
        xAxisKey="step",
        xAxisScaleType="linear",
        scaleType="linear",
        selectedXAxisMetricKey="",
        yAxisKey="metric",
        yAxisExpressions=[],
        range={},
        ignoreOutliers=False,
        useGlobalXaxisKey=True,
        useGlobalLineSmoothing=True,
    )
