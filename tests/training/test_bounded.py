"""Bounded series, compared with lists that keep every epoch."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.making import Floats
from tui_gd.training import series as module
from tui_gd.training import spans as points_module
from tui_gd.training.series import DENSE_EPOCHS, Series


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Shrink the limits, except where a test measures memory."""
    if "memory" not in request.node.name and "real" not in request.node.name:
        monkeypatch.setattr(points_module, "FINENESS", 8)
        monkeypatch.setattr(points_module, "LEAST_FINENESS", 4)
        monkeypatch.setattr(module, "REVISITED_EPOCHS", 16)


def widths(stop: int, fineness: int) -> list[tuple[int, int]]:
    """Return first and last epoch of every bucket, computed naively."""
    found, first = [], 0
    while first < stop:
        width = 1
        while 2 * width * fineness <= first:
            width *= 2
        found.append((first, first + width))
        first += width
    return found


def filled(values: Floats, dense: int, chunk: int) -> Series:
    """Return a bounded series of values (epochs, lanes), written in chunks."""
    series = Series(values.shape[1], dense)
    for begin in range(0, len(values), chunk):
        series.write(begin, values[begin : begin + chunk].copy())
    return series


@given(
    epochs=st.integers(1, 900),
    lanes=st.integers(1, 3),
    chunk=st.integers(1, 40),
    dense=st.sampled_from([16, 20, 64]),
    seed=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_record_has_the_extremes_of_every_bucket_with_their_epochs(
    epochs: int, lanes: int, chunk: int, dense: int, seed: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(points_module, "FINENESS", 8)
        random = np.random.default_rng(seed)
        values = random.integers(-5, 5, (epochs, lanes)).astype(float)
        values[random.random((epochs, lanes)) < 0.1] = np.nan
        series = filled(values, dense, chunk)
        assert series.dense_from == 0 or epochs - 2 * dense <= series.dense_from <= epochs - dense
        for lane in range(lanes):
            got, true = series.between(lane, 0, epochs), values[:, lane]
            known = np.isfinite(got)
            assert np.array_equal(got[known], true[known])
            assert np.array_equal(
                got[series.dense_from :], true[series.dense_from :], equal_nan=True
            )
            for first, stop in widths(series.dense_from, 8):
                bucket, kept = true[first:stop], got[first:stop]
                if np.isfinite(bucket[: series.dense_from - first]).any():
                    bucket = bucket[: series.dense_from - first]
                    assert np.nanmin(kept[: len(bucket)]) == np.nanmin(bucket)
                    assert np.nanmax(kept[: len(bucket)]) == np.nanmax(bucket)
                    assert np.isfinite(kept[: len(bucket)]).sum() <= 2
            # a curve whose buckets are at least as wide equals that of all values
            curve = series.windows([lane], 0, epochs)[0]
            if curve.width == 1:
                continue
            for i, begin in enumerate(range(0, epochs, curve.width)):
                bucket = true[begin : begin + curve.width]
                if np.isfinite(bucket).any():
                    assert (curve.low[i], curve.high[i]) == (np.nanmin(bucket), np.nanmax(bucket))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_curves_that_are_read_all_the_time_equal_a_loop_over_the_record(seed: int) -> None:
    """Whatever is cached between two readings: writes, thinning, going back, branches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(points_module, "FINENESS", 8)
        patch.setattr(points_module, "LEAST_FINENESS", 4)
        patch.setattr(module, "REVISITED_EPOCHS", 16)
        patch.setattr(module, "BUCKETS", 12)
        random = np.random.default_rng(seed)
        series, epoch = Series(3, 24), 0
        for _ in range(25):
            act = random.random()
            if act < 0.8 or not epoch:
                values = random.integers(-5, 5, (random.integers(1, 60), series.lanes)).astype(
                    float
                )
                values[random.random(values.shape) < 0.1] = random.choice([np.nan, np.inf, -np.inf])
                series.write(epoch, values)
                epoch += len(values)
            elif act < 0.9:
                epoch = int(random.integers(1, epoch + 1))
                for lane in range(series.lanes):
                    series.forget(lane, epoch - 1)
            else:
                series.copy_lane(int(random.integers(series.lanes)), epoch - 1)
            first = int(random.integers(0, epoch)) * int(random.integers(0, 2))
            for begin, stop in ((0, epoch), (first, epoch), (0, max(1, epoch - 30))):
                lanes = list(range(series.lanes))
                for lane, curve in zip(lanes, series.windows(lanes, begin, stop), strict=True):
                    known = series.between(lane, 0, stop)
                    known[~np.isfinite(known)] = np.nan
                    for i, at in enumerate(range(curve.first, stop, curve.width)):
                        bucket = known[at : min(at + curve.width, stop)]
                        bucket = bucket[~np.isnan(bucket)]
                        ends = (bucket.min(), bucket.max()) if len(bucket) else (np.nan, np.nan)
                        assert np.array_equal((curve.low[i], curve.high[i]), ends, equal_nan=True)


@pytest.mark.parametrize("chunk", [1, 7, 1024])
def test_a_spike_of_one_epoch_survives_thinning(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points_module, "FINENESS", 1024)
    values = 1 / np.arange(1.0, 20_001)
    values[6001], values[9003] = 1e9, -1e9
    series = filled(values[:, None], 64, chunk)
    assert series.at(0, 6001) == 1e9
    assert series.at(0, 9003) == -1e9
    for first, stop in ((0, 20_000), (5000, 11_000), (0, 9500)):
        curve = series.windows([0], first, stop)[0]
        assert curve.high.max() == 1e9 or np.nanmax(curve.high) == 1e9
        assert np.nanmin(curve.low) == -1e9


def test_a_narrow_curve_has_gaps_between_points_and_says_where_it_is_dense() -> None:
    series = filled(np.arange(3000.0)[:, None], 64, 10)
    curve = series.windows([0], 2000, 2100)[0]  # points every 128 epochs, two for each bucket
    assert curve.width == 1
    assert curve.dense_from == 2100
    known = np.flatnonzero(np.isfinite(curve.low)) + 2000
    assert known.tolist() == [2047, 2048]
    late = series.windows([0], 2980, 3000)[0]
    assert late.dense_from <= 2980
    assert late.low.tolist() == list(range(2980, 3000))


class Record:
    """A series, and lists of all values, of lanes that go on, go back and change course."""

    def __init__(self, lanes: int, dense: int) -> None:
        self.series = Series(lanes, dense)
        self.rows: list[list[float]] = [[] for _ in range(lanes)]
        self.at = -1
        self.random = np.random.default_rng(1)
        self.saved: list[dict[int, float]] = [{} for _ in range(lanes)]

    def go(self, epochs: int) -> None:
        first = self.at + 1
        for row in self.rows:
            missing = first + epochs - len(row)
            row.extend(self.random.integers(-50, 50, max(0, missing)).tolist())
        block = np.array([row[first : first + epochs] for row in self.rows]).T
        self.series.write(first, block)
        self.at += epochs

    def back(self, epoch: int) -> None:
        self.at = min(max(0, epoch), self.at)

    def change_course(self, lane: int) -> None:
        if len(self.rows[lane]) > self.at + 1:
            del self.rows[lane][self.at + 1 :]
            self.series.forget(lane, self.at)

    def branch(self, lane: int) -> None:
        self.rows.append(self.rows[lane][: self.at + 1])
        self.saved.append({})
        self.series.copy_lane(lane, self.at)

    def close(self, lane: int) -> None:
        if len(self.rows) > 1:
            del self.rows[lane], self.saved[lane]
            self.series.close_lane(lane)

    def save(self) -> None:
        """Save what is new, as a store does."""
        for lane, row in enumerate(self.rows):
            first = self.series.take_unsaved(lane, len(row) - 1)
            known = self.series.known(lane, first, len(row))
            saved = {epoch: value for epoch, value in self.saved[lane].items() if epoch < first}
            saved.update(zip(*(part.tolist() for part in known.points()), strict=True))
            self.saved[lane] = saved

    def check(self, newest: int) -> None:
        """Check that the `newest` epochs up to here are recorded and that no value is wrong."""
        for lane, row in enumerate(self.rows):
            got = self.series.between(lane, 0, len(row) + 5)
            known = np.flatnonzero(np.isfinite(got))
            assert got[known].tolist() == [row[epoch] for epoch in known]
            begin = max(0, self.at + 1 - newest)
            assert np.isfinite(got[begin : self.at + 1]).all()
            assert known[-1] <= len(row) - 1
            assert np.isfinite(got[max(0, self.series.dense_from) : len(row)]).all()
            points = self.series.known(lane, 0, len(row)).points()
            assert (np.diff(points.epochs) > 0).all()
            assert (points.values.tolist()) == [row[epoch] for epoch in points.epochs.tolist()]
            least, value = self.series.least(lane, len(row))
            if len(points.values):
                assert (least, value) == (
                    points.epochs[points.values.argmin()],
                    points.values.min(),
                )

    def check_saved(self) -> None:
        for lane, row in enumerate(self.rows):
            saved = self.saved[lane]
            assert all(row[epoch] == value for epoch, value in saved.items())
            points = self.series.known(lane, 0, len(row)).points()
            assert set(points.epochs.tolist()) <= set(saved)


WAYS = st.one_of(
    st.tuples(st.just("go"), st.integers(1, 60)),
    st.tuples(st.just("go"), st.integers(1, 60)),
    st.tuples(st.just("back"), st.integers(0, 250)),
    st.tuples(st.just("change course"), st.integers(0, 3)),
    st.tuples(st.just("branch"), st.integers(0, 3)),
    st.tuples(st.just("close"), st.integers(0, 3)),
    st.tuples(st.just("save"), st.just(0)),
)


@given(
    lanes=st.integers(1, 3),
    ways=st.lists(WAYS, min_size=6, max_size=40),
    dense=st.sampled_from([8, 16, 30]),
)
@example(  # epochs that are dense again were saved as points
    lanes=1,
    ways=[("save", 0), ("back", 0), ("go", 36), ("change course", 0), ("save", 0)],
    dense=8,
)
@example(
    lanes=1,
    ways=[("back", 0), ("go", 34), ("save", 0), ("change course", 0), ("save", 0)],
    dense=8,
)
@example(  # a branch one epoch longer than its parent, which changed course
    lanes=1,
    ways=[("back", 35), ("branch", 0), ("back", 0), ("go", 34), ("change course", 0), ("save", 0)],
    dense=8,
)
@settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
def test_no_recorded_value_is_wrong_wherever_a_run_goes_back_and_branches(
    lanes: int, ways: list[tuple[str, int]], dense: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(points_module, "FINENESS", 8)
        patch.setattr(points_module, "LEAST_FINENESS", 4)
        patch.setattr(module, "REVISITED_EPOCHS", 16)
        patch.setattr(module, "LEAST_DENSE_EPOCHS", 8)
        record = Record(lanes, dense)
        record.go(150)
        newest = 8
        for way, number in ways:
            lane = number % len(record.rows)
            if way == "go":
                record.go(number)
                newest = min(8, newest + number)
            elif way == "back":
                record.back(number)
                newest = 0  # going there computes only what follows the keyframe
            elif way == "change course":
                record.change_course(lane)
            elif way == "branch" and len(record.rows) < 4:
                record.branch(lane)
            elif way == "close":
                record.close(lane)
            elif way == "save":
                record.save()
                record.check_saved()
            record.check(newest)
            first, stop = 20, max(len(row) for row in record.rows)
            for curve in record.series.windows(range(len(record.rows)), first, stop):
                assert curve.stop <= stop


def test_replayed_epochs_are_dense_again_and_not_unsaved() -> None:
    values = np.random.default_rng(0).random((2000, 2))
    series = filled(values, 64, 50)
    for lane in (0, 1):
        assert series.take_unsaved(lane, 1999) == 0
    before = series.known(0, 0, 2000)
    series.write(1001, values[1001:1009].copy())
    assert series.between(1, 1001, 1009).tolist() == values[1001:1009, 1].tolist()
    assert [series.take_unsaved(lane, 1999) for lane in (0, 1)] == [2000, 2000]
    after = series.known(0, 0, 2000)
    assert after.thinned.epochs.tolist() == before.thinned.epochs.tolist()


def test_a_lane_that_changes_course_far_back_leaves_the_others_unchanged() -> None:
    values = np.random.default_rng(0).random((2000, 2))
    series = filled(values, 64, 50)
    other = series.known(1, 0, 2000)
    series.write(990, values[990:1001].copy())
    series.forget(0, 1000)
    fresh = np.random.default_rng(1).random(1200)
    for begin in range(1001, 2200, 40):
        block = np.empty((min(40, 2200 - begin), 2))
        block[:, 0] = fresh[begin - 1001 : begin - 1001 + len(block)]
        block[:, 1] = [values[e, 1] if e < 2000 else 0.5 for e in range(begin, begin + len(block))]
        series.write(begin, block)
    truth = np.concatenate([values[:1001, 0], fresh[:1199]])
    got = series.between(0, 0, 2200)
    known = np.isfinite(got)
    assert np.array_equal(got[known], truth[known])
    assert known[2200 - 64 :].all()
    for first, stop in widths(1900, 8):
        if first >= 1001 or stop <= 990:
            assert np.nanmin(got[first:stop]) == truth[first:stop].min()
            assert np.nanmax(got[first:stop]) == truth[first:stop].max()
    kept = series.known(1, 0, 1900)
    assert set(other.thinned.between(0, 1900).epochs) <= set(kept.points().epochs)


def test_a_series_is_restored_from_known_points() -> None:
    values = np.random.default_rng(0).random((3000, 2))
    series = filled(values, 64, 50)
    again = Series(2, 64)
    again.restore([series.known(lane, 0, 3000) for lane in (0, 1)])
    for lane in (0, 1):
        one, other = series.between(lane, 0, 3000), again.between(lane, 0, 3000)
        assert np.array_equal(one[series.dense_from :][-64:], other[-64:])
        assert set(np.flatnonzero(np.isfinite(other))) <= set(np.flatnonzero(np.isfinite(one)))
        left, right = series.windows([lane], 0, 3000)[0], again.windows([lane], 0, 3000)[0]
        assert np.array_equal(np.nanmin(left.low), np.nanmin(right.low))
    complete = Series(2)
    complete.restore([series.known(lane, 0, 3000) for lane in (0, 1)])
    assert np.array_equal(complete.between(1, 0, 3000), series.between(1, 0, 3000), equal_nan=True)


@pytest.mark.parametrize("lanes", [1, 64])
def test_memory_does_not_grow_with_epochs(lanes: int) -> None:
    series = Series(lanes, DENSE_EPOCHS)
    epochs, chunk = 10_000_000 // lanes, 1024
    sizes = {}
    for begin in range(0, epochs, chunk):
        block = np.add.outer(np.arange(begin, begin + chunk) % 997.0, np.arange(lanes, dtype=float))
        series.write(begin, block)
        if begin % (64 * chunk) == 0:
            series.windows(range(lanes), 0, begin + chunk)
            sizes[begin] = series.nbytes
    assert series.nbytes < 16 << 20
    half = min(size for begin, size in sizes.items() if begin > epochs // 2)
    assert series.nbytes <= half + lanes * 4 * 4096 * 16
    assert series.dense_from >= epochs - 2 * DENSE_EPOCHS
    assert np.isfinite(series.between(0, epochs - 2048, epochs)).all()


def test_with_the_real_limits_early_epochs_keep_all_their_values() -> None:
    values = np.random.default_rng(0).random(400_000)
    series = filled(values[:, None], DENSE_EPOCHS, 1024)
    assert series.dense_from > 100_000
    assert series.between(0, 0, 8192).tolist() == values[:8192].tolist()
    assert np.isfinite(series.between(0, 8192, 16_384)).sum() == 8192
    assert np.isfinite(series.between(0, 65_536, 98_304)).sum() == pytest.approx(4096, abs=2)
