"""Names of parameters and metrics: Keras and KerasTuner allow some that MLflow refuses."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

#: characters and length that MLflow allows; it also refuses names that are not normalized paths (`..`, `//`)
_ALLOWED = re.compile(r"[/\w.\- :]{1,250}")
_REPLACED, _KEPT, _HASH_LENGTH = re.compile(r"[^\w\-]+"), 200, 8
#: prefix of the tag that holds the original name: `name.SAFE`
_TAG = "name."


@lru_cache(maxsize=4096)
def safe_name(name: str) -> str:
    """The name under which MLflow stores a parameter or metric: `name` itself where MLflow allows it.

    Otherwise refused characters become `_`, and a hash of the whole name is appended, which keeps names distinct.
    """
    normal = posixpath.normpath(name) == name and not name.startswith((".", "/"))
    if _ALLOWED.fullmatch(name) and normal:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{_REPLACED.sub('_', name)[:_KEPT]}-{digest}"


def name_tags(names: Iterable[str]) -> dict[str, str]:
    """Tags with the original names of those that `safe_name` changes."""
    return {_TAG + safe: name for name in names if (safe := safe_name(name)) != name}


def original_name(safe: str, tags: Mapping[str, str]) -> str:
    """The original name of what a run stores under `safe`, from the run's tags."""
    return tags.get(_TAG + safe, safe)
