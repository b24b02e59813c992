"""Names of parameters and metrics: MLflow takes fewer than Keras and KerasTuner do."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

#: what MLflow takes; a name with a path's `..` or `//` it refuses as well
_ALLOWED = re.compile(r"[/\w.\- :]{1,250}")
_REPLACED, _KEPT, _MARK = re.compile(r"[^\w\-]+"), 200, 8
#: the tag of a run that holds the whole name of what is stored under another one: `name.SAFE`
_TAG = "name."


@lru_cache(maxsize=4096)
def safe_name(name: str) -> str:
    """The name under which MLflow stores a parameter or a metric: `name` itself where it takes it. Otherwise other
    characters become `_`, and a mark of the whole name at the end keeps two names apart that differ in these only."""
    normal = posixpath.normpath(name) == name and not name.startswith((".", "/"))
    if _ALLOWED.fullmatch(name) and normal:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:_MARK]
    return f"{_REPLACED.sub('_', name)[:_KEPT]}-{mark}"


def name_tags(names: Iterable[str]) -> dict[str, str]:
    """Tags that tell the names of what is stored under others."""
    return {_TAG + safe: name for name in names if (safe := safe_name(name)) != name}


def original_name(safe: str, tags: Mapping[str, str]) -> str:
    """The name of what a run stores under `safe`, by the run's tags."""
    return tags.get(_TAG + safe, safe)
