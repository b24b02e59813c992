"""Where a trial's model is written, before it is sent to the store."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tracking.errors import StoreUnavailable, translate_errors
from tracking.names import safe_name
from tracking.spool import MODEL, PARAMS, write_json
from tracking.store import Store


@dataclass(frozen=True)
class ModelPlace:
    """Where a model is to be written, to be sent to the store later.

    Attributes:
        folder: of its run, in the spool.
        run_id: its run's.
        model_id: the store's name for it; None: the store was away.
    """

    folder: Path
    run_id: str
    model_id: str | None

    @property
    def uri(self) -> str:
        """`models:/m-…`; or `runs:/RUN_ID/model` of a model that the store does not know yet."""
        return f"models:/{self.model_id}" if self.model_id else f"runs:/{self.run_id}/{MODEL}"


def begin_model(store: Store, run_id: str, number: int, params: Mapping[str, object]) -> ModelPlace:
    """Announce the model of a run to the store, and make room for it in the spool.

    Args:
        number: the trial's, by which the model is named.
        params: logged with the model, as text.

    Raises:
        OSError: the spool cannot be written.
    """
    assert store.spool is not None
    texts = {safe_name(key): str(value) for key, value in params.items()}
    logged = None
    with contextlib.suppress(StoreUnavailable), translate_errors():
        logged = store.client.create_logged_model(store.experiment_id, store.numbered(number), run_id, params=texts)
    folder = store.spool / run_id
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / PARAMS, texts)
    return ModelPlace(folder, run_id, logged.model_id if logged else None)
