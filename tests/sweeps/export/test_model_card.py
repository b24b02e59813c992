"""What a model card says of the search, where no sweep is needed to see it."""

from __future__ import annotations

import optuna

from sweeps.export.model_card import _search
from sweeps.study.attributes import CONFIG, CUT_SHORT, IDENTITY, INTERRUPTION
from sweeps.study.identity import OBJECTIVES


def test_the_card_names_all_objectives_the_constraints_and_what_was_interrupted() -> None:
    study = optuna.create_study()
    options = {OBJECTIVES: {"n_params": "minimize"}}
    identity = {"objective": "val_accuracy", "direction": "maximize", "epochs": 3, "seed": 0, "options": options}
    study.set_user_attr(IDENTITY, identity)
    study.set_user_attr(CONFIG, {"constraint": ["n_params<=200000", "latency_ms<=2"]})
    study.add_trial(optuna.trial.create_trial(value=0.5))
    failed = optuna.trial.TrialState.FAIL
    study.add_trial(optuna.trial.create_trial(state=failed, user_attrs={CUT_SHORT: INTERRUPTION}))
    said = _search(study)
    assert "| objective | val_accuracy, maximized |" in said
    assert "| other objectives | n_params, minimized |" in said
    assert "| constraints | n_params<=200000, latency_ms<=2 |" in said
    assert "| trials | 1 COMPLETE, 1 INTERRUPTED |" in said
