"""What an ensemble reaches beside the best trial alone, on the validation rows and, if asked for, on the test rows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sweeps.confirm import test_set
from sweeps.confirm.figures import figures
from sweeps.errors import InputError
from sweeps.study import results
from sweeps.study.attributes import REPETITION, TEST
from sweeps.study.rounds import rounds_of

if TYPE_CHECKING:
    import optuna

    from sweeps.data import Dataset
    from sweeps.export.ensemble import Ensemble
    from sweeps.study.results import Best

NOT_ASKED = "the test rows were not looked at: --test does, once"


class EnsembleFigures:
    """Evaluates an ensemble and the best trial's model on the same rows.

    Args:
        data: that of the study, where a Python program gave it.
        test: look at the test rows, too, which is counted.
        again: although they were looked at before.
    """

    def __init__(self, data: Dataset | None = None, test: bool = False, again: bool = False) -> None:
        self._data, self._test, self._again = data, test, again

    def check(self, study: optuna.Study) -> None:
        """Raises: InputError: the test rows are to be looked at, and were before."""
        if self._test:
            test_set.check_unseen(study, self._again)

    def __call__(self, study: optuna.Study, ensemble: Ensemble, model: Any, best: Best, single: Any) -> dict[str, Any]:
        """The figures, see `sweeps.export.ensemble.Ensemble`.

        Args:
            model: of the ensemble.
            single: that of the best trial.
        """
        models = {"ensemble": model, "single": single}
        found: dict[str, Any] = {"validation": None, "test": None, "notes": []}
        try:
            rows = self._validation(study, ensemble, best)
        except InputError as error:  # the data are gone, or other data now
            found["notes"].append(f"not evaluated on the validation rows: {error}")
        else:
            found["validation"] = {name: figures(each, rows, study.user_attrs) for name, each in models.items()}
        if self._test:
            key = " ".join(("ensemble", *(member.model_uri for member in ensemble.members)))
            loads = {name: partial(_same, each) for name, each in models.items()}
            found["test"] = test_set.look(study, f"{ensemble.name} beside {best.name}", key, loads, self._data)
        else:
            found["notes"].append(_seen(study, best))
        return found

    def _validation(self, study: optuna.Study, ensemble: Ensemble, best: Best) -> tuple[Any, ...]:
        """Rows that none of the models was trained with.

        Raises:
            InputError: there are none, or the data are not at hand.
        """
        from sweeps.engine.test_rows import validation_of

        trial = results.trial_of(study, best.run_id)
        repetition = trial.user_attrs.get(REPETITION) if trial else None
        if repetition and (repetition["fold"] is not None or rounds_of(study).folds > 1):
            raise InputError(f"the confirmation has trained {best.name} with other rows than those of the search")
        return validation_of(study, ensemble.members[0].run_id, self._data)


def _same(model: Any) -> Any:
    return model


def _seen(study: optuna.Study, best: Best) -> str:
    """Why there are no figures of the test rows."""
    known: Mapping[str, Any] | None = study.user_attrs.get(TEST)
    if known is None:
        return NOT_ASKED
    looked = "once" if known["looks"] == 1 else f"{known['looks']} times"
    return f"the test rows were looked at {looked}, last for {known['of']}; --test --again looks at this ensemble, too"
