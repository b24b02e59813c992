"""What must hold after any fault and a resume, as `sweeps doctor` checks it."""

from __future__ import annotations

import json

from support import Workspace


def assert_sound(workspace: Workspace, study: str = "digits-mlp", total: int | None = None) -> None:
    """The study is sound and nobody works at it.

    Args:
        total: so many trials have ended COMPLETE or PRUNED, exactly; None: whatever their number.
    """
    done = workspace.here("doctor", study, "--json")
    document = json.loads(done.stdout) if done.stdout else {}
    assert document.get("findings") == [], f"{document.get('findings')}\n{done.stderr}"
    assert (done.returncode, document["sound"], document["running"]) == (0, True, False), document
    status = workspace.json("status", study)
    assert status["trials"]["RUNNING"] == 0
    if total is not None:
        assert status["trials"]["COMPLETE"] + status["trials"]["PRUNED"] == total, status
        assert status["total"] == total
