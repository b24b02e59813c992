"""The learning curves as a picture."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from sweeps.report.curves import draw, ticks, whole_ticks

SVG = "{http://www.w3.org/2000/svg}"


def test_each_metric_is_a_line_with_one_point_an_epoch_and_a_label() -> None:
    picture = ElementTree.fromstring(
        draw({"loss": [2.0, 1.0, 0.5], "val_loss": [2.5, 1.5, 1.0], "a<b": [1.0, 1.0, 1.0]})
    )
    lines = picture.findall(f"{SVG}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [3, 3, 3]
    assert ["stroke-dasharray" in line.attrib for line in lines] == [False, True, False]
    assert lines[0].attrib["stroke"] == lines[1].attrib["stroke"]
    assert {"loss", "val_loss", "a<b"} <= {text.text for text in picture.findall(f"{SVG}text")}


def test_higher_values_are_drawn_higher_and_within_the_picture() -> None:
    picture = ElementTree.fromstring(draw({"accuracy": [0.1, 0.5, 0.9]}))
    (line,) = picture.findall(f"{SVG}polyline")
    points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    heights = [y for _, y in points]
    assert heights == sorted(heights, reverse=True)
    assert all(0 <= x <= 640 and 0 <= y <= 400 for x, y in points)


@pytest.mark.parametrize("history", [{"loss": [1.0]}, {"loss": [0.0, 0.0]}, {"loss": [1e-30, 1e30]}])
def test_one_epoch_a_flat_line_and_huge_numbers_can_be_drawn(history: dict[str, list[float]]) -> None:
    assert "nan" not in draw(history)


def heights(picture: ElementTree.Element) -> dict[str, list[float]]:
    """The height of each point in pixels, by the name in the legend."""
    lines = picture.findall(f"{SVG}polyline")
    names = [text.text for text in picture.findall(f"{SVG}text") if float(text.attrib["x"]) > 500]
    points = [[float(point.partition(",")[2]) for point in line.attrib["points"].split()] for line in lines]
    return dict(zip(map(str, names), points, strict=True))


def test_losses_metrics_and_the_rate_have_panels_of_their_own() -> None:
    history = {"loss": [9.0, 4.0], "accuracy": [0.5, 0.6], "learning_rate": [0.1, 0.01], "val_loss": [8.0, 5.0]}
    found = heights(ElementTree.fromstring(draw(history)))
    assert max(*found["loss"], *found["val_loss"]) < min(found["accuracy"])
    assert max(found["accuracy"]) < min(found["learning_rate"])
    # the curve uses its panel: a metric beside a large loss is no flat line
    assert max(found["accuracy"]) - min(found["accuracy"]) > 100


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.87, 0.913, [0.87, 0.88, 0.89, 0.9, 0.91]), (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (1.1, 9.7, [2, 4, 6, 8])],
)
def test_ticks_are_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("last", "expected"), [(1, [1]), (3, [1, 2, 3]), (10, [1, 2, 4, 6, 8, 10]), (100, [1, 20, 40, 60, 80, 100])]
)
def test_epochs_are_whole_numbers_with_the_first_and_the_last(last: int, expected: list[int]) -> None:
    assert whole_ticks(1, last) == expected
