"""Trials as a table on the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from synthetic import synthetic_study

from sweeps.cli import ending
from sweeps.cli.trial_table import kept, ordered, show
from sweeps.errors import InputError
from sweeps.study import results
from sweeps.study.leaderboard import Leaderboard, leaderboard


@pytest.fixture(scope="module")
def board() -> Leaderboard:
    study = synthetic_study(30, failed=0.1)
    return leaderboard(study, results.rows(study))


def printed(board: Leaderboard, width: int, columns: tuple[str, ...] = ()) -> str:
    out = io.StringIO()
    show(Console(file=out, width=width), board, columns)
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_no_line_of_the_table_is_wider_than_the_window(board: Leaderboard, width: int) -> None:
    lines = [line for line in printed(board, width).splitlines() if "left out" not in line and "In all" not in line]
    assert max(map(len, lines)) <= width
    assert all(line.count("  ") for line in lines)


def test_what_does_not_fit_is_named_below(board: Leaderboard) -> None:
    wide, narrow = printed(board, 200), printed(board, 90)
    assert "left out" not in wide
    assert "momentum" in wide.splitlines()[0]
    assert "momentum" not in narrow.splitlines()[0]
    assert narrow.splitlines()[-1].startswith("left out in this window: ")
    assert "momentum" in narrow.splitlines()[-1]
    assert "ValueError: loss is nan" in narrow


def test_only_what_differs_is_a_column() -> None:
    study = synthetic_study(12, pruned=0, failed=0)
    board = leaderboard(study, [row for row in results.rows(study) if row.params["optimizer"] == "adam"])
    assert "optimizer" not in board.columns
    assert {"state", "error"}.isdisjoint(board.columns)
    assert printed(board, 120).splitlines()[-1] == "In all of them: optimizer=adam"


def test_asked_columns_are_all_shown(board: Leaderboard) -> None:
    assert printed(board, 200, ("trial", "momentum")).splitlines()[0].split() == ["trial", "momentum"]


def test_rows_are_sorted_by_a_column_the_best_value_first(board: Leaderboard) -> None:
    values = [row["val_accuracy"] for row in ordered(board.rows, "val_accuracy", board, "maximize")]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=True)
    assert values[len(known) :] == [None] * (len(values) - len(known))
    least = [row["val_accuracy"] for row in ordered(board.rows, "val_accuracy", board, "minimize")]
    assert least[: len(known)] == known[::-1]
    seconds = [row["seconds"] for row in ordered(board.rows, "seconds:desc", board, "maximize")]
    assert seconds == sorted(seconds, reverse=True)
    assert [row["trial"] for row in ordered(board.rows, "trial", board, "maximize")] == list(range(30))


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("n_hidden>=3", lambda row: row["n_hidden"] >= 3),
        ("n_hidden = 3", lambda row: row["n_hidden"] == 3),
        ("n_hidden<3.5", lambda row: row["n_hidden"] < 3.5),
        ("state=PRUNED", lambda row: row["state"] == "PRUNED"),
        ("optimizer!=sgd", lambda row: row["optimizer"] != "sgd"),
        ("momentum>0.5", lambda row: row.get("momentum", 0) > 0.5),
        ("seconds > 5", lambda row: row["seconds"] > 5),
    ],
)
def test_a_filter_keeps_the_rows_of_which_it_holds(board: Leaderboard, condition: str, holds: object) -> None:
    expected = [row for row in board.rows if holds(row)]  # type: ignore[operator]
    assert 0 < len(expected) < 30
    assert kept(board.rows, condition, board) == expected


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("n_hidden", "COLUMN=VALUE is wanted"),
        ("units=3", "unknown column 'units'"),
        ("optimizer>adam", "> compares numbers"),
        ("n_hidden<many", "< compares numbers"),
        ("", "COLUMN=VALUE is wanted"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(board: Leaderboard, condition: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        kept(board.rows, condition, board)


def test_a_sweep_ends_with_its_history_and_what_decides() -> None:
    study = synthetic_study(100)
    history, importance = ending.sentences(study)
    assert history.startswith("best so far: ")
    assert history.endswith(f"█ {study.best_value:.4f}")
    assert importance.startswith("importance: learning_rate 0.")
    assert importance.endswith(("(a hint)", "(a stable order)"))
    assert ending.sentences(synthetic_study(1, failed=0, pruned=0)) == []


def test_a_sparkline_has_the_first_or_a_near_one_and_the_last_value() -> None:
    assert ending.sparkline([0.0, 0.5, 1.0]) == "▁▅█"
    assert ending.sparkline([3.0, 3.0]) == "▁▁"
    long = ending.sparkline([float(value) for value in range(1000)])
    assert len(long) == 40
    assert long[-1] == "█"
