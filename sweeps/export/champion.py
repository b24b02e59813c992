"""What MLflow's model registry says of an exported model."""

from __future__ import annotations

from sweeps.study import confirmation
from sweeps.study.leaderboard import cell
from sweeps.study.markdown import sentence
from sweeps.study.results import Best
from tracking import Store
from tracking.views import run_page, trials_page


def champion(best: Best, store: Store) -> tuple[str, str]:
    """The descriptions of the registered model and of this version, in Markdown."""
    about = (
        f"The best model of study `{best.study}` by `{best.objective}`: the version with the alias `champion`. "
        f"[All trials]({trials_page(store)})\n\nServe it on this machine, with the study's store in "
        f"`MLFLOW_TRACKING_URI`:\n\n```sh\nmlflow models serve --model-uri models:/{best.study}@champion "
        "--env-manager local\n```"
    )
    params = "\n".join(f"- `{name}`: {cell(value)}" for name, value in best.params.items())
    said = confirmation.sentence(best.confirmation, best.study)
    name = f"[{best.name}]({run_page(store, best.run_id)}), epoch {best.epoch}"
    return about, f"**{best.objective} {best.value:.4f}**: {name}\n\n{sentence(said)}\n\n{params}"
