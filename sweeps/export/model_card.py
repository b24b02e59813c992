"""The model card of an export: data, split, search, winner, figures, limits; none that was not measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import optuna

from sweeps.study import confirmation, results
from sweeps.study import study as studies
from sweeps.study.attributes import CONFIG, DATA, GIVEN, IDENTITY, TEST, TEST_LOOKS
from sweeps.study.baselines import baselines
from sweeps.study.confirmation import Confirmation
from sweeps.study.confirmed import COLUMNS, cells, failures, said_of_figures
from sweeps.study.leaderboard import cell, number
from sweeps.study.markdown import pairs, sentence, table
from sweeps.study.rounds import rounds_of


def model_card(study: optuna.Study, manifest: Mapping[str, Any], counts: Mapping[str, int]) -> str:
    """The text of MODEL_CARD.md.

    Args:
        manifest: that of the export.
        counts: of the "train", "validation" and "test" rows, as far as they are known.
    """
    confirmed = confirmation.current(study)
    sections = {
        "Model": _model(study, manifest),
        "Data": _data(study, manifest),
        "Split": _split(study, counts or (confirmed.rows if confirmed else {})),
        "Search": _search(study),
        "Winner": _winner(study, manifest),
        "Confirmation": _confirmation(study, confirmed),
        "Test rows": _test(study, manifest, confirmed),
        "Files": _files(manifest),
        "Limits": _limits(study, manifest, confirmed),
        "How to load": [_LOAD],
    }
    body = "\n\n".join(f"## {title}\n\n{chr(10).join(lines)}" for title, lines in sections.items())
    return f"---\nlibrary_name: keras\ntags: [keras-sweeps]\n---\n\n# {study.study_name}\n\n{body}\n"


_LOAD = """`model.keras` loads with Keras; README.md shows this and the other formats. With keras-sweeps, which
checks the SHA-256 of the files before:

```sh
sweeps predict --model . FILE
```"""


def _model(study: optuna.Study, manifest: Mapping[str, Any]) -> list[str]:
    identity, data = study.user_attrs[IDENTITY], study.user_attrs[DATA]
    kind = {"class": "classifier", "labels": "multi-label classifier", "value": "regression"}
    rows = [
        ("kind", f"{kind.get(manifest['head']['gives'], 'raw outputs')} ({manifest['head']['why']})"),
        ("search space", identity["space"]),
        ("weights", f"{manifest['parameters']:,}"),
        ("inputs", _entries(manifest["input"])),
        ("outputs", _entries(manifest["output"])),
        ("classes", ", ".join(data["labels"] or ())),
        ("versions", ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())),
    ]
    return pairs(rows)


def _data(study: optuna.Study, manifest: Mapping[str, Any]) -> list[str]:
    identity, data, config = (study.user_attrs.get(name, {}) for name in (IDENTITY, DATA, CONFIG))
    given = "data" in study.user_attrs.get(GIVEN, ())
    rows = [
        ("data set", "arrays of a Python program" if given else str(identity["dataset"])),
        ("digest", str(identity["digest"])),
        ("task", str(data.get("task") or "")),
        ("target column", str(config.get("target") or "")),
        ("columns", ", ".join(data["features"] or ())),
        (
            "prepared by the space",
            "yes: the model takes what the space's fit makes of the rows" if manifest["prepared"] else "",
        ),
    ]
    return [*pairs(rows), "", "Where the data come from, and whom they describe, this file cannot know."]


def _split(study: optuna.Study, counts: Mapping[str, int]) -> list[str]:
    rounds = rounds_of(study)
    names = {"train": "training"}
    known = ", ".join(f"{count:,} {names.get(part, part)} rows" for part, count in counts.items() if count)
    lines = [sentence(known) if known else "The data were not at hand: their rows are not counted here."]
    if rounds.folds > 1:
        lines.append(f"Each trial was validated on {rounds} of the training and validation rows.")
    elif rounds.repeats > 1:
        lines.append(f"Each trial was trained in {rounds} from other seeds.")
    lines.append("Training rows fit the weights, validation rows choose epoch and trial; no trial has seen test rows.")
    return lines


def _search(study: optuna.Study) -> list[str]:
    now, identity, config = results.status(study), study.user_attrs[IDENTITY], study.user_attrs.get(CONFIG, {})
    others = studies.objective_of(study).others
    rows = [
        ("objective", f"{identity['objective']}, {identity['direction']}d"),
        ("other objectives", ", ".join(f"{name}, {direction}d" for name, direction in others.items())),
        ("constraints", ", ".join(config.get("constraint", ()))),
        ("trials", now.in_words),
        ("epochs", f"at most {identity['epochs']} a trial, {now.epochs_spent:,} in all"),
        ("sampler", str(config.get("sampler", ""))),
        ("pruner", str(config.get("pruner", ""))),
        ("seed", str(identity["seed"])),
        ("narrowed", ", ".join(identity.get("set", ()))),
    ]
    lines = pairs(rows)
    if declared := identity.get("hyperparameters"):
        lines += ["", *table(("hyperparameter", "searched"), declared.items())]
    return lines


def _winner(study: optuna.Study, manifest: Mapping[str, Any]) -> list[str]:
    if (ensemble := manifest["ensemble"]) is not None:
        return _members(manifest["objective"], ensemble)
    trial = "the default configuration" if manifest["trial"] is None else f"trial {manifest['trial']}"
    value = f"{manifest['objective']} {number(manifest['value'])}"
    of_rounds = f", the mean of {rounds_of(study)}" if manifest["rounds"] else " on the validation rows"
    lines = [sentence(f"{trial}, epoch {manifest['epoch']}: {value}{of_rounds}")]
    best = results.best(study)
    if manifest["run_id"] != best.run_id:
        lines.append(f"It is not the best of the study, which is {best.name} with {number(best.value)}.")
    params = results.trial_of(study, manifest["run_id"])
    lines += ["", *table(("hyperparameter", "value"), _params(params))]
    if compared := [
        (row.name.replace("_", " "), number(row.value)) for row in baselines(study) if row.value is not None
    ]:
        lines += [
            "",
            "Models without a search on the same rows:",
            "",
            *table(("baseline", manifest["objective"]), compared),
        ]
    return lines


def _params(trial: optuna.trial.FrozenTrial | None) -> list[tuple[str, str]]:
    params = {} if trial is None else trial.user_attrs.get("params", trial.params)
    return [(name, cell(value)) for name, value in params.items()]


def _members(objective: str, ensemble: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            str(member["trial"]),
            number(member["value"]),
            "" if member["confirmed_mean"] is None else number(member["confirmed_mean"]),
        )
        for member in ensemble["members"]
    ]
    lines = [
        "An ensemble: the mean of what the models of these trials predict (params.json has their hyperparameters).",
        "",
    ]
    lines += table(("trial", objective, "confirmed mean"), rows)
    if (found := ensemble["figures"]["validation"]) is not None:
        lines += [
            "",
            f"On the same {found['ensemble']['rows']:,} validation rows, from which the members were chosen:",
            "",
        ]
        lines += table(("model", "reaches"), _beside(found))
    return [*lines, "", *ensemble["figures"]["notes"]] if ensemble["figures"]["notes"] else lines


def _beside(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    names = {"ensemble": "ensemble", "single": "best trial alone"}
    return [(title, said_of_figures(found[name])) for name, title in names.items()]


def _confirmation(study: optuna.Study, found: Confirmation | None) -> list[str]:
    if found is None:
        return [
            f"Not confirmed: the value is the best of many; new seeds tell more: `sweeps confirm {study.study_name}`"
        ]
    rows = [cells(finalist, index == found.winner) for index, finalist in enumerate(found.finalists)]
    return [
        f"Each finalist was trained again on {len(found.seeds)} {found.method}; the winner (*) is chosen by these runs "
        "alone. ± is for 95 %, differences are paired, optimism is how much the search flattered.",
        "",
        *table([column.strip() for column in COLUMNS], [[each.strip() for each in row] for row in rows]),
        "",
        *failures(found),
        sentence(found.conclusion),
    ]


def _test(study: optuna.Study, manifest: Mapping[str, Any], confirmed: Confirmation | None) -> list[str]:
    looks = len(study.user_attrs.get(TEST_LOOKS, ()))
    counted = f"The test rows were looked at {'once' if looks == 1 else f'{looks} times'}."
    if manifest["ensemble"] is not None:
        found = manifest["ensemble"]["figures"]["test"]
        if found is None:
            return [counted if looks else "The test rows were not looked at."]
        rows = found["ensemble"]["rows"]
        return [counted, "", f"On the same {rows:,} rows:", "", *table(("model", "reaches"), _beside(found))]
    figures = _figures_of(study, manifest, confirmed)
    if figures is None:
        note = f" {counted} It was for another model." if looks else ""
        return [f"This model was not looked at on test rows.{note}"]
    lines = [f"{counted} On {figures['rows']:,} rows: {said_of_figures(figures)}."]
    if by_class := figures.get("classes"):
        shown = [
            (each["class"], f"{each['precision']:.4f}", f"{each['recall']:.4f}", str(each["support"]))
            for each in by_class
        ]
        lines += ["", *table(("class", "precision", "recall", "rows"), shown)]
    return lines


def _figures_of(
    study: optuna.Study, manifest: Mapping[str, Any], confirmed: Confirmation | None
) -> Mapping[str, Any] | None:
    """What the exported trial's model reaches on the test rows, if it was looked at."""
    known: list[Mapping[str, Any] | None] = [study.user_attrs.get(TEST), confirmed.test if confirmed else None]
    trial = results.trial_of(study, manifest["run_id"])
    uri = None if trial is None else trial.user_attrs.get("model_uri")
    return next((each for each in known if each is not None and each.get("model_uri") == uri), None)


def _files(manifest: Mapping[str, Any]) -> list[str]:
    on = manifest["compared_on"]
    if not on:
        return table(("file",), [(entry["path"],) for entry in manifest["formats"].values()])
    rows = [
        (
            entry["path"],
            entry["runtime"],
            "outputs are random" if (apart := entry["difference"]) is None else f"{apart:.1g}",
        )
        for entry in manifest["formats"].values()
    ]
    return [
        f"Each was loaded again in a clean process and compared with the trained model on {on['rows']} {on['inputs']}; "
        f"the difference is the largest of an output, of numbers above 1 a relative one ({on['limit']:g} is allowed).",
        "",
        *table(("file", "loaded with", "difference"), rows),
    ]


def _limits(study: optuna.Study, manifest: Mapping[str, Any], confirmed: Confirmation | None) -> Iterator[str]:
    metric = manifest["objective"]
    tried = len(studies.objective_of(study).ranked(study.get_trials(deepcopy=False)))
    if confirmed is None and tried > 1:
        yield f"- {metric} is the best of {tried} values on the same validation rows: on new rows expect less."
    if confirmed is not None and confirmed.verdict == "tie":
        yield f"- The search has not shown to be better than the default configuration: {confirmed.conclusion}."
    if (looks := len(study.user_attrs.get(TEST_LOOKS, ()))) > 1:
        yield f"- The test rows were looked at {looks} times; their figures mean less each time."
    if manifest["head"]["gives"] in ("class", "labels"):
        yield "- Probabilities are the model's own. Whether they are calibrated was not measured."
    yield "- All figures are of rows like the training rows; other populations and later times were not measured."
    if manifest["prepared"]:
        yield "- The model takes rows as the space's `fit` prepares them, not the raw ones."


def _entries(entries: Sequence[Mapping[str, Any]]) -> str:
    most = 10
    shown = []
    for entry in entries[:most]:
        lengths = ["n", *("any" if length is None else str(length) for length in entry["shape"][1:])]
        shown.append(f"{entry['name']} ({', '.join(lengths)}) {entry['dtype']}")
    return ", ".join(shown) + (f" and {len(entries) - most} more" if len(entries) > most else "")
