"""`sweeps clean` over a real study and a real record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from disk_of_houses import models_on_disk, ranked, the_store

from sweeps.cli.main import main
from sweeps.confirm.result import write
from sweeps.disk import clean as cleaning
from sweeps.disk import delete as deleting
from sweeps.doctor import examine
from sweeps.errors import InputError
from sweeps.study import kept_models, results
from sweeps.study.attributes import MODEL_URI, RUN_ID
from sweeps.study.confirmation import Confirmation, Finalist
from tracking.audit import logged_models
from tracking.models import register_champion


def test_clean_leaves_the_model_of_the_best_trial_alone_and_a_sound_study(sick: Path) -> None:
    (sick / "runs/studies/houses/checkpoints").mkdir()
    (sick / "runs/studies/houses/checkpoints/3.checkpoint").write_bytes(b"1" * 1000)
    found = cleaning.clean("houses")
    assert (found.models, found.kept, found.size) == (2, (ranked()[0],), 2 * 7 + 1000)
    assert models_on_disk(sick) == 1
    assert {model.uri for model in logged_models(the_store()).values()} == {
        results.best(results.open_study("houses")).model_uri
    }
    assert not (sick / "runs/studies/houses/checkpoints").exists()
    assert examine("houses").findings == ()
    assert not cleaning.look("houses")


def test_a_removed_model_is_named_with_the_command_that_brings_one(sick: Path) -> None:
    cleaning.clean("houses")
    gone = ranked()[-1]
    study = results.open_study("houses")
    with pytest.raises(InputError, match=f"of trial {gone} .*not kept.*\n.*continue houses --trial {gone} --epochs .1"):
        results.model_uri(study, gone)
    assert results.model_uri(study, ranked()[0])


def test_registered_models_and_their_files_stay(sick: Path) -> None:
    last = ranked()[-1]
    attributes = results.open_study("houses").get_trials()[last].user_attrs
    register_champion(the_store(), "houses", attributes[MODEL_URI], attributes[RUN_ID], {})
    assert sorted(cleaning.clean("houses").kept) == sorted([ranked()[0], last])
    assert models_on_disk(sick) == 2
    deleting.delete("houses")
    assert models_on_disk(sick) == 1
    version = the_store().client.get_model_version_by_alias("houses", "champion")
    assert Path(version.source.removeprefix("file://"), "data/model.keras").is_file()


@pytest.mark.parametrize("by", ["doctor", "clean"])
def test_what_a_killed_clean_has_left_the_doctor_finds_and_another_clean_removes(
    sick: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cleaning, "remove_model", die)
        with pytest.raises(KeyboardInterrupt):
            cleaning.clean("houses")
    assert models_on_disk(sick) == 3
    found = examine("houses").findings
    assert ["is still there after its removal" in one.what for one in found] == [True, True]
    if by == "doctor":
        assert examine("houses", fix=True).consistent
    else:
        assert cleaning.clean("houses").models == 2
    assert models_on_disk(sick) == 1
    assert examine("houses").findings == ()


def test_a_model_that_was_lost_is_still_a_finding_after_a_clean(sick: Path) -> None:
    cleaning.clean("houses")
    (file,) = sick.glob("runs/artifacts/houses/models/*/artifacts/data/model.keras")
    file.unlink()
    (finding,) = examine("houses").findings
    assert "has lost its file" in finding.what


def test_clean_says_what_goes_and_what_stays(sick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["clean", "houses", "--yes"])
    said = capsys.readouterr().out
    assert f"models: 2 to remove; kept: of trial {ranked()[0]}" in said
    main(["clean", "houses"])
    assert "nothing to remove" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", ["best:0", "all", "10"])
def test_a_wrong_rule_is_refused(sick: Path, fails: Callable[..., str], wrong: str) -> None:
    assert f"best:N is wanted, such as best:10, got '{wrong}'" in fails("clean", "houses", "--keep-models", wrong)


def test_a_confirmed_winner_keeps_its_model_and_one_without_has_that_of_a_repetition(sick: Path) -> None:
    trials = results.open_study("houses").get_trials()
    winner, other = trials[ranked()[1]], trials[ranked()[2]]
    finalists = [Finalist(number, False, {}, 0.5, [0.5], [None]) for number in ranked()]

    def confirm(run_id: str, model_uri: str) -> None:
        given = ("houses", "val_accuracy", "maximize", 3, "seeds", [1], 3, {}, finalists, 1, None, "")
        write(Confirmation(*given, run_id=run_id, model_uri=model_uri))  # type: ignore[arg-type]

    confirm(winner.user_attrs[RUN_ID], winner.user_attrs[MODEL_URI])
    assert sorted(cleaning.clean("houses").kept) == sorted(ranked()[:2])
    kept_models.mark_removed(results.open_study("houses"), [winner.number])
    # the run stands for a repetition: it is any that is known
    confirm(other.user_attrs[RUN_ID], "models:/m-of-a-repetition")
    best = results.best(results.open_study("houses"))
    assert (best.trial, best.confirmed, best.run_id) == (winner.number, True, other.user_attrs[RUN_ID])
