"""`make bench-chapter`: its sweeps are ones that can be run, its table and goals follow from chapter.json."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import chapter_records
from benchmarks.chapter import NAMES
from benchmarks.chapter import main as chapter
from benchmarks.chapter_goals import goals
from benchmarks.chapter_records import ChapterResults, Figures, Row
from benchmarks.chapter_run import tuner_row
from benchmarks.chapter_sweeps import LONG, QUICK, REGRESSION, SWEEPS, Documented, housing_file
from benchmarks.chapter_table import block, main
from benchmarks.records import Machine
from search_spaces.data_spec import DataSpec, InputSpec
from search_spaces.family import BATCH_SIZES
from search_spaces.registry import SPACES
from search_spaces.schedules import schedule
from sweeps.config import load_config
from sweeps.space.discovery import discover
from sweeps.space.narrowing import check_narrowings, parse_narrowing


def row(documented: Documented, ours: Figures | None, passed_after: float | None = None) -> Row:
    return Row(
        name=documented.study,
        section=documented.section,
        command=documented.command,
        metric=documented.metric,
        chapter_validation=documented.validation,
        chapter_test=documented.test,
        ours=ours,
        passed_after=passed_after,
    )


@pytest.fixture
def results() -> ChapterResults:
    measured = (
        row(QUICK, Figures(validation=0.8951, test=0.8852, seconds=70.2), passed_after=31.4),
        row(LONG, Figures(validation=0.9061, test=0.8949, seconds=800.0)),
        row(REGRESSION, Figures(validation=0.51, test=0.52, seconds=60.0)),
        tuner_row("random", Figures(validation=0.87, seconds=10.0), Figures(validation=0.86, seconds=150.0)),
    )
    machine = Machine(cpu="a processor", cores=2, versions={"keras": "3.15.1"})
    return ChapterResults(machine=machine, rows=measured, goals=goals(measured))


def options(documented: Documented) -> dict[str, object]:
    """The command's options as `sweeps run` hands them on."""
    flags = documented.arguments("houses.csv")[1:]
    given: dict[str, object] = {"study": documented.study}
    narrowings = []
    for name, value in zip(flags[::2], flags[1::2], strict=True):
        if name == "--set":
            narrowings.append(value)
        else:
            given[name.removeprefix("--").replace("-", "_")] = value
    return given | {"set": narrowings}


@pytest.mark.parametrize("documented", SWEEPS, ids=lambda documented: documented.study)
def test_a_documented_sweep_is_one_that_can_be_run(documented: Documented) -> None:
    config = load_config(options(documented))
    columns = {name: InputSpec((1,), "float32") for name in ("rooms", "income")}
    numbers = DataSpec(columns, "regression", 1)
    images = DataSpec(InputSpec((28, 28), "uint8"), "sparse", 10)
    space = SPACES[config.space](numbers if documented.housing else images)
    narrowings = tuple(map(parse_narrowing, config.set))

    def declare(hp: object) -> object:
        model = space.build(hp)
        hp.Choice("batch_size", list(BATCH_SIZES), default=32)  # type: ignore[attr-defined]
        schedule(hp, epochs=config.epochs, validated=True)
        return model

    check_narrowings(narrowings, discover(declare, [narrowing.name for narrowing in narrowings]))


def test_every_goal_follows_from_the_figures(results: ChapterResults) -> None:
    found = {goal.figure: (goal.measured, goal.met) for goal in results.goals}
    assert found["Fashion-MNIST: seconds until validation ≥ 0.8912"] == (31.4, True)
    assert found["the same: validation"] == (0.9061, True)
    assert found["the same: test"] == (0.8949, False)
    assert found["housing: test RMSE"] == (0.52, True)
    assert found["housing, two inputs: test RMSE"] == (None, None)
    assert found["tuner, random: validation"] == (0.87, False)
    assert found["tuner, random: KerasTuner's seconds ÷ ours"] == (15.0, True)


def test_the_table_tells_both_ways_and_the_command(results: ChapterResults) -> None:
    lines = block(results).splitlines()
    assert f"| {QUICK.section} | 0.8912 / 0.8851 | - | - | 0.8951 / 0.8852 | 70 (31 to pass the chapter) |" in lines
    assert "| 10.3 random search | 0.8736 / - | 0.8600 / - | 150 | 0.8700 / - | 10 |" in lines
    assert "| the same: test | ≥ 0.895 | 0.8949 | missed by 0% |" in lines
    assert LONG.command in lines


def test_the_table_is_written_into_the_page(results: ChapterResults, tmp_path: Path) -> None:
    file, page = tmp_path / "chapter.json", tmp_path / "chapter.md"
    results.save(file)
    assert ChapterResults.load(file) == results
    page.write_text("# Tour\n<!-- bench -->\n<!-- /bench -->\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["--results", str(file), "--page", str(page)])
    assert done.exit_code == 0, done.output
    assert block(results) in page.read_text(encoding="utf-8")


def test_the_tour_shows_what_was_measured_last() -> None:
    measured = ChapterResults.load(chapter_records.FILE)
    assert measured is not None
    page = chapter_records.FILE.parents[1] / "docs/chapter.md"
    assert block(measured) in page.read_text(encoding="utf-8")


def test_a_run_of_some_keeps_what_was_measured_of_the_others(
    results: ChapterResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "chapter.json"
    results.save(file)
    better = Figures(validation=0.89, seconds=9.0)
    monkeypatch.setattr("benchmarks.chapter.tuner_figures", lambda module, search, smoke: better)
    done = CliRunner().invoke(chapter, ["--only", "random", "--no-peers", "--output", str(file)])
    assert done.exit_code == 0, done.output
    found = ChapterResults.load(file)
    assert found is not None
    assert [each.name for each in found.rows] == [each.name for each in results.rows]
    assert found.rows[3].ours == better
    assert found.rows[3].theirs == results.rows[3].theirs
    assert found.rows[:3] == results.rows[:3]


def test_without_the_housing_file_its_sweeps_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWEEPS_HOUSING_CSV", raising=False)
    assert housing_file(None) is None
    file = tmp_path / "chapter.json"
    done = CliRunner().invoke(chapter, ["--only", REGRESSION.study, "--output", str(file)])
    assert done.exit_code == 0, done.output
    found = ChapterResults.load(file)
    assert found is not None
    assert found.rows == ()
    assert "housing file is not named ($SWEEPS_HOUSING_CSV)" in found.left_out[0]
    assert REGRESSION.study in NAMES
