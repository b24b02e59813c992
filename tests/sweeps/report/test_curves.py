"""The learning curves as a picture."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from sweeps.report.curves import draw

SVG = "{http://www.w3.org/2000/svg}"


def test_each_metric_is_a_line_with_one_point_an_epoch_and_a_label() -> None:
    picture = ElementTree.fromstring(
        draw({"loss": [2.0, 1.0, 0.5], "val_loss": [2.5, 1.5, 1.0], "a<b": [1.0, 1.0, 1.0]})
    )
    lines = picture.findall(f"{SVG}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [3, 3, 3]
    assert ["stroke-dasharray" in line.attrib for line in lines] == [False, True, False]
    assert lines[0].attrib["stroke"] == lines[1].attrib["stroke"] != lines[2].attrib["stroke"]
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
