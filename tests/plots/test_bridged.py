"""Curves of thinned records are drawn through what is on record, without holes."""

import numpy as np
import pytest

from tui_gd.plots.curves import bridged

NAN = np.nan


def test_gaps_before_an_epoch_are_crossed_by_straight_lines() -> None:
    low = np.array([NAN, 1.0, NAN, NAN, 4.0, NAN, 6.0, NAN])
    high = np.array([NAN, 3.0, NAN, NAN, 9.0, NAN, 6.0, NAN])
    got = bridged(low, high, 10, 60)
    # by hand: a third and two thirds of the way; what is at bucket 7 is not before epoch 60
    assert got[0][1:7].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert got[1][1:7].tolist() == pytest.approx([3.0, 5.0, 7.0, 9.0, 7.5, 6.0])
    assert np.isnan([got[0][0], got[0][7]]).all()
    assert np.isnan(low[2])  # what was given is as it was


def test_true_gaps_stay_and_single_curves_stay_single() -> None:
    low = np.array([1.0, NAN, 3.0, NAN, 5.0])
    joined, again = bridged(low, low, 1, 2)
    assert again is joined
    assert np.array_equal(joined, [1.0, 2.0, 3.0, NAN, 5.0], equal_nan=True)
    for stop in (0, -5):
        assert bridged(low, low, 1, stop)[0] is low
    nothing = np.full(4, NAN)
    assert np.isnan(bridged(nothing, nothing, 1, 4)[0]).all()


def test_lines_go_on_to_what_is_on_record_beside_the_buckets() -> None:
    low = np.array([NAN, NAN, 4.0, NAN])
    # buckets of one epoch: 6 two epochs before the first, 9 at five epochs after it
    got = bridged(low, low, 1, 10, [(-2, 6.0), (5, 10.0)])[0]
    assert got.tolist() == [5.0, 4.5, 4.0, 6.0]
    nothing = np.full(3, NAN)
    assert bridged(nothing, nothing, 1, 3, [(-1, 0.0), (3, 4.0)])[0].tolist() == [1.0, 2.0, 3.0]
    assert np.isnan(bridged(nothing, nothing, 1, 3, [(-1, 0.0)])[0]).all()
