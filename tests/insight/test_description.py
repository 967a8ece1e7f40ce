"""Curves in three sentences, against curves whose fall, knee and plateau are known."""

import numpy as np
import pytest

from tui_gd.insight.explain import describe
from tui_gd.training.spans import ThinnedSeries, points_of


def said(values: object, **options: int) -> list[str]:
    return describe(points_of(0, np.asarray(values, float)), "loss", **options)


def test_a_halving_loss_has_its_knee_where_nine_tenths_are_done_and_no_plateau() -> None:
    fall, knee, plateau = said(64.0 / 2.0 ** np.arange(21))
    assert (
        fall
        == "The loss falls from 64 at epoch 0 to 6.10352e-05 at epoch 20, by more than 99.99 %."
    )
    # 1 − 2⁻ᵏ reaches 0.9 between k = 3 and 4
    assert knee == "The knee is at epoch 4: nine tenths of the fall are done by then."
    # the last tenth of 20 epochs are two halvings
    assert plateau == "There is no plateau: from epoch 18 on it still falls by 75 %."


def test_a_straight_line_has_no_knee() -> None:
    fall, knee, plateau = said(np.linspace(100, 50, 101))
    assert fall == "The loss falls from 100 at epoch 0 to 50 at epoch 100, by 50 %."
    assert knee == "There is no knee: nine tenths of the fall take until epoch 90."
    assert plateau == "There is no plateau: from epoch 90 on it still falls by 9.091 %."


def test_a_plateau_in_the_middle_is_found_and_one_at_the_end_goes_on() -> None:
    middle = [10.0, 8, 6, *[5.0] * 41, 4, 3, 2, 1]
    assert said(middle)[2] == "It has a plateau: from epoch 3 to 43 it stays at 5 within 1 %."
    assert said([10, 8, 6, *[5.0] * 41])[2] == (
        "It has a plateau: from epoch 3 on it stays at 5 within 1 %."
    )


@pytest.mark.parametrize(("step", "long"), [(0.0099, True), (0.0101, False)])
def test_a_plateau_stays_within_one_percent(step: float, long: bool) -> None:
    values = [100.0, 50, *[1.0, 1.0 - step] * 10]
    assert said(values)[2].startswith("It has a plateau" if long else "There is no plateau")


def test_the_plateau_is_the_longest_of_all_by_trying_all() -> None:
    generator = np.random.default_rng(5)
    values = np.exp(np.cumsum(generator.normal(0, 0.003, 300)))
    lengths = [
        (last - first, first, last)
        for first in range(300)
        for last in range(first, 300)
        if (part := values[first : last + 1]).max() - part.min() <= 0.01 * part.max()
    ]
    longest = max(lengths)
    assert longest[0] >= 30
    assert f"from epoch {longest[1]} to {longest[2]} it" in said(values)[2]


def test_rises_are_counted_and_the_least_loss_is_named() -> None:
    assert said([4.0, 1, 2, 1.5, 3])[0] == (
        "The loss falls from 4 at epoch 0 to 3 at epoch 4, by 25 %;"
        " its lowest value is 1 at epoch 1; it rises in 2 of 4 epochs."
    )


def test_a_loss_that_explodes_never_falls() -> None:
    fall, knee, plateau = said([1.0, 10, 100, np.inf], diverged=2)
    assert fall == (
        "The loss rises from 1 at epoch 0 to 100 at epoch 2, 100-fold;"
        " it rises in 2 of 2 epochs; after that it is no longer finite."
    )
    assert knee == "There is no knee: it never falls below its start."
    assert plateau == "There is no plateau: from epoch 1 on it still rises by 900 %."


def test_shares_are_left_out_where_a_loss_is_negative() -> None:
    assert said([-1.0, -3.0])[0] == "The loss falls from -1 at epoch 0 to -3 at epoch 1."


def test_points_of_a_thinned_curve_are_at_their_epochs_and_rises_are_not_counted() -> None:
    curve = ThinnedSeries(np.array([0, 900, 1000, 2000]), np.array([10.0, 0.5, 0.6, 0.5]))
    fall, knee, _ = describe(curve, "loss")
    assert fall == "The loss falls from 10 at epoch 0 to 0.5 at epoch 2000, by 95 %."
    assert knee == "The knee is at epoch 900: nine tenths of the fall are done by then."


def test_one_loss_and_none_are_one_sentence() -> None:
    assert said([2.5]) == ["There is one loss so far: 2.5 at epoch 0."]
    assert said([]) == ["There is no loss yet."]
