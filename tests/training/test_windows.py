"""Curves of several lanes at once equal those of a naive loop, lane by lane."""

from __future__ import annotations

import numpy as np
import pytest

from tui_gd.training.series import BUCKETS, Series


@pytest.mark.parametrize("epochs", [1, 300, 2 * BUCKETS, 5 * BUCKETS, 40_000])
@pytest.mark.parametrize("lanes", [[0], [0, 1, 2, 3], [1, 2], [3, 0]])
def test_windows_have_the_extremes_of_every_bucket(epochs: int, lanes: list[int]) -> None:
    random = np.random.default_rng(epochs)
    values = random.normal(size=(epochs, 4))
    values[random.random((epochs, 4)) < 0.05] = np.nan
    series = Series(4)
    series.write(0, values)
    for first, stop in ((0, epochs), (epochs // 3, epochs - epochs // 4), (-epochs // 2, epochs)):
        found = series.windows(lanes, first, stop)
        for lane, curve in zip(lanes, found, strict=True):
            assert curve.stop == stop
            places = range(curve.first, curve.stop, curve.width)
            assert len(curve.low) == len(curve.high) == len(places) <= 2 * BUCKETS
            for low, high, at in zip(curve.low, curve.high, places, strict=True):
                bucket = values[at : min(at + curve.width, stop), lane]
                known = bucket[np.isfinite(bucket)]
                assert np.isnan(low) if not len(known) else low == known.min()
                assert np.isnan(high) if not len(known) else high == known.max()
