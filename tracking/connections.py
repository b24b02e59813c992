"""MLflow's connections to databases, which it keeps open by their URI as long as the process lives."""

from __future__ import annotations

import sys

_STORES = ("mlflow.store.tracking.sqlalchemy_store", "mlflow.store.model_registry.sqlalchemy_store")


def disconnect() -> None:
    """Close those that nobody uses now; the next call of MLflow connects again.

    An open file is the same one after its removal: where another has its name, MLflow would go on with the former.
    """
    for module in _STORES:
        store = getattr(sys.modules.get(module), "SqlAlchemyStore", None)
        for engine in getattr(store, "_engine_map", {}).values():
            engine.dispose()
