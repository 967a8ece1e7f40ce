"""Curves of least and greatest values, compared with loops over all epochs."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.making import Floats
from tui_gd.training import series as module
from tui_gd.training import spans
from tui_gd.training.series import Buckets, Series

MANY = 100_000


def check_buckets(got: Buckets, values: list[float] | Floats) -> None:
    """Check the extremes of every `width` epochs by a loop."""
    values = np.asarray(values)
    assert got.stop == len(values)
    low, high = [], []
    for begin in range(0, len(values), got.width):
        part = values[begin : begin + got.width]
        part = part[np.isfinite(part)]
        low.append(part.min() if part.size else np.nan)
        high.append(part.max() if part.size else np.nan)
    assert np.array_equal(got.low, low, equal_nan=True)
    assert np.array_equal(got.high, high, equal_nan=True)


# buckets ---------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 64, 997])
def test_a_spike_of_one_epoch_survives_in_wide_buckets(chunk: int) -> None:
    count = MANY if chunk > 1 else 5000
    values = 1 / np.arange(1.0, count + 1)
    values[count // 3], values[count // 2] = 1e9, -1e9
    series = Series(1)
    for begin in range(0, count, chunk):
        series.write(begin, values[begin : begin + chunk, None].copy())
        if begin % 7 == 0:
            series.windows([0], 0, min(begin + chunk, count))
    got = series.windows([0], 0, count)[0]
    check_buckets(got, values)
    assert got.high.max() == 1e9
    assert got.low.min() == -1e9
    assert module.BUCKETS <= len(got.low) <= 2 * module.BUCKETS + 1


def test_the_number_of_buckets_stays_bounded() -> None:
    series = Series(2)
    for begin in range(0, 40_000, 50):
        series.write(begin, np.zeros((50, 2)))
        assert len(series.windows([1], 0, begin + 50)[0].low) <= 2 * module.BUCKETS + 1
        assert len(series.windows([0], 0, begin // 2 + 1)[0].low) <= 2 * module.BUCKETS + 1


def not_finite(series: Series) -> None:
    series.write(0, np.array([[1.0, np.inf], [np.nan, 2.0], [-np.inf, 3.0], [4.0, np.nan]]))


def overwritten(series: Series) -> None:
    series.write(0, np.arange(2000.0).reshape(1000, 2))
    series.windows([0], 0, 1000)
    series.write(400, -np.arange(200.0).reshape(100, 2))


def forgotten(series: Series) -> None:
    series.write(0, np.arange(2000.0).reshape(1000, 2))
    series.windows([0], 0, 1000)
    series.forget(0, 300)
    series.write(301, np.full((50, 2), 7.0))


@pytest.mark.parametrize("fill", [not_finite, overwritten, forgotten])
def test_buckets_follow_changes_of_the_record(
    fill: Callable[[Series], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUCKETS", 8)
    series = Series(2)
    fill(series)
    for lane in range(2):
        for recorded in (0, 1, 2, 3, series.stop // 2, series.stop - 1):
            values = series.between(lane, 0, recorded + 1)
            got = series.windows([lane], 0, recorded + 1)[0]
            check_buckets(got, values)
            assert not np.isinf(got.low).any()
            assert not np.isinf(got.high).any()
    series.copy_lane(0, 2)
    for lane in range(3):
        check_buckets(series.windows([lane], 0, 3)[0], series.between(lane, 0, 3))


# windows ---------------------------------------------------------------------


def naive_window(got: Buckets, values: list[float], first: int) -> None:
    """Check the extremes of every bucket epoch by epoch; no epoch is missing."""
    assert got.stop == len(values)
    assert got.first % got.width == 0
    assert first - got.width < got.first <= first
    low, high = [], []
    for begin in range(got.first, got.stop, got.width):
        part = [v for v in values[begin : begin + got.width] if np.isfinite(v)]
        low.append(min(part, default=np.nan))
        high.append(max(part, default=np.nan))
    assert np.array_equal(got.low, low, equal_nan=True)
    assert np.array_equal(got.high, high, equal_nan=True)


ODD_VALUES = st.sampled_from([0.0, 1.5, -2.0, 3.25, 1e300, np.nan, np.inf, -np.inf])
CHANGES = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 60), st.integers(1, 40), ODD_VALUES),
    st.tuples(st.just("one"), st.integers(0, 60), st.integers(1, 40), ODD_VALUES),
    st.tuples(st.just("forget"), st.integers(0, 60), st.integers(0, 3), ODD_VALUES),
    st.tuples(st.just("copy"), st.integers(0, 60), st.integers(0, 3), ODD_VALUES),
    st.tuples(st.just("close"), st.integers(0, 60), st.integers(0, 3), ODD_VALUES),
)


@given(
    changes=st.lists(CHANGES, min_size=2, max_size=12),
    windows=st.lists(st.tuples(st.integers(-20, 120), st.integers(0, 120)), min_size=1, max_size=4),
    sizes=st.sampled_from([(1, 2), (2, 1), (4, 2), (4, 8)]),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_window_is_what_a_loop_finds_after_any_writes(
    changes: list[tuple], windows: list[tuple[int, int]], sizes: tuple[int, int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BUCKETS", sizes[0])
        patch.setattr(spans, "FINEST", sizes[1])
        series = Series(2)
        rows: list[list[float]] = [[], []]
        for kind, at, number, value in changes:
            lane = number % len(rows)
            fresh = [value + i for i in range(number)]
            if kind in {"write", "one"}:
                at = min(at, len(rows[0]))  # noqa: PLW2901 - a record has no gaps
                for i, row in enumerate(rows):
                    row.extend([np.nan] * (at + number - len(row)))
                    if kind == "write" or i == lane:
                        row[at : at + number] = [v - i for v in fresh]
                if kind == "write":
                    block = np.array([[v - i for i in range(len(rows))] for v in fresh])
                    series.write(at, block)
                else:
                    series.write_lane(lane, at, np.array([v - lane for v in fresh]))
            elif kind == "forget":
                rows[lane][at + 1 :] = [np.nan] * len(rows[lane][at + 1 :])
                series.forget(lane, at)
            elif kind == "copy" and len(rows) < 5:
                copied = rows[lane][: at + 1]
                rows.append(copied + [np.nan] * (len(rows[lane]) - len(copied)))
                series.copy_lane(lane, at)
            elif kind == "close" and len(rows) > 1:
                del rows[lane]
                series.close_lane(lane)
            for lane_now, row in enumerate(rows):
                for first, stop in windows:
                    got = series.windows([lane_now], first, stop)[0]
                    end = min(stop, len(row))
                    begin = min(max(0, end + first) if first < 0 else first, end)
                    naive_window(got, row[:end], begin)
                    assert len(got.low) <= 2 * sizes[0]
                    if end - begin <= 2 * sizes[0]:
                        assert got.width == 1


def test_a_window_is_a_copy_and_exact_for_few_epochs() -> None:
    series = Series(1)
    values = np.random.default_rng(0).random(50_000)
    series.write(0, values[:, None].copy())
    got = series.windows([0], 30_000, 30_500)[0]
    assert (got.first, got.width, got.stop) == (30_000, 1, 30_500)
    assert got.low.tobytes() == got.high.tobytes() == values[30_000:30_500].tobytes()
    wide = series.windows([0], 0, 50_000)[0]
    got.low[:] = wide.low[:] = wide.high[:] = 7.0
    assert series.windows([0], 30_000, 30_500)[0].low.tobytes() == values[30_000:30_500].tobytes()
    assert series.windows([0], 0, 50_000)[0].high.max() == values.max()


def test_a_negative_first_epoch_counts_from_the_end() -> None:
    series = Series(1)
    series.write(0, np.arange(300.0)[:, None])
    assert series.windows([0], -100, 300)[0].low.tolist() == list(range(200, 300))
    assert series.windows([0], -100, 50)[0].low.tolist() == list(range(50))


def test_cached_buckets_take_half_the_memory_of_the_values() -> None:
    series = Series(3)
    for begin in range(0, 100_000, 5000):
        series.write(begin, np.ones((5000, 3)))
        series.windows([1], 0, begin + 5000)
    values = series._newest.values.nbytes
    assert values < series.nbytes <= 1.51 * values
