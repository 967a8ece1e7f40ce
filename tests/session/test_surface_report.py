"""Where a lane is on a surface: its point, its value, and the known minimum nearest to it."""

import math

import numpy as np
import pytest

from tui_gd.problems import SURFACES
from tui_gd.problems.surfaces import typed_surface
from tui_gd.session.report import surface_report


def test_near_a_minimum_the_report_says_which_and_how_far() -> None:
    report = surface_report(SURFACES["surface:himmelblau"], np.array([3.03, 2.04]))
    assert report.table == {
        "x": 3.03,
        "y": 2.04,
        "value": pytest.approx((3.03**2 + 2.04 - 11) ** 2 + (3.03 + 2.04**2 - 7) ** 2),
        "nearest minimum": [3.0, 2.0],
        "its value": 0.0,
        "distance": pytest.approx(0.05),
        "kind": "global",
    }
    assert report.reached == "global minimum"
    assert report.place == "(3.03, 2.04), 5.0e-02 from the global minimum (3, 2)"


def test_far_from_every_minimum_the_nearest_is_named_and_none_is_reached() -> None:
    report = surface_report(SURFACES["surface:saddle"], np.array([0.0, 0.0]))
    assert report.table["distance"] == pytest.approx(math.sqrt(2))
    assert report.table["kind"] is None
    assert report.place == "(0, 0), 1.4 away from the nearest minimum"


def test_how_near_is_near_is_one_percent_of_the_diagonal() -> None:
    surface = SURFACES["surface:two-valleys-1d"]  # 4 wide
    local = surface.minima[1].point[0]
    for away, kind in ((0.039, "local"), (0.041, None)):
        assert surface_report(surface, np.array([local + away])).table["kind"] == kind


def test_the_minima_of_a_typed_surface_are_not_known_and_nothing_is_nan() -> None:
    report = surface_report(typed_surface("log(y)"), np.array([-1.0]))
    assert report.table["value"] is None
    assert report.table["y"] == -1.0
    assert report.reached == "its minima are not known"
    assert "nan" not in report.text
