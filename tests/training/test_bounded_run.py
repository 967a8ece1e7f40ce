"""A trainer with a bounded record, compared with a twin that computes all from the start."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.making import Floats, make_problem
from tests.training.test_checkpoint import Ledger
from tests.training.test_history import COMMANDS, RATES, carry_out
from tests.twin import ROWS, Twin
from tui_gd.training import history, series
from tui_gd.training import spans as points_module
from tui_gd.training.evaluation import StopRules
from tui_gd.training.trainer import Trainer

FAR = st.one_of(COMMANDS, st.tuples(st.just("advance"), st.integers(10, 40)))


@contextmanager
def small() -> Iterator[None]:
    """Thin records after a few epochs and keep few keyframes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(points_module, "FINENESS", 2)
        patch.setattr(points_module, "LEAST_FINENESS", 1)
        patch.setattr(series, "REVISITED_EPOCHS", 4)
        patch.setattr(series, "LEAST_DENSE_EPOCHS", 3)
        patch.setattr(history, "Keyframes", partial(history.Keyframes, budget=7 * 3 * 8))
        yield


def trainer_of(start: Floats, rates: list[float], keep_epochs: int | None = 4) -> Trainer:
    problem = make_problem(ROWS)
    trainer = Trainer(problem, learning_rates=rates, initial_weights=start, keep_epochs=keep_epochs)
    trainer.record_norms()
    return trainer


def check(trainer: Trainer, twin: Twin) -> None:
    """Check weights and every recorded value against the twin; the newest are all recorded."""
    assert trainer.epoch == twin.epoch
    assert trainer.newest == max(len(lane.updates) for lane in twin.lanes)
    assert trainer.learning_rates.tolist() == [lane.shown(twin.epoch) for lane in twin.lanes]
    for lane, one in enumerate(twin.lanes):
        weights, loss, grad, *wanted = twin.passes(lane)
        assert trainer.weights[lane].tobytes() == weights.tobytes()
        assert trainer.loss[lane] == loss[0]
        assert trainer.grad[lane].tobytes() == grad.tobytes()
        both = (trainer.history.train_loss, trainer.history.test_loss)
        for kept, true in zip(both, wanted, strict=True):
            got = kept.between(lane, 0, len(one.updates) + 1)
            known = np.flatnonzero(np.isfinite(got))
            assert got[known].tolist() == [true[epoch] for epoch in known]
            assert known[0] == 0
            assert np.isfinite(got[kept.dense_from :]).all()
            # thinning keeps both extremes of a bucket
            curve = kept.windows([lane], 0, len(one.updates) + 1)[0]
            assert np.nanmin(curve.low) == min(true[epoch] for epoch in known)
        least, value = trainer.history.train_loss.least(lane, len(one.updates) + 1)
        assert wanted[0][least] == value


@given(
    lanes=st.lists(st.sampled_from(RATES), min_size=1, max_size=3),
    before=st.lists(st.tuples(FAR, st.booleans()), min_size=4, max_size=16),
    after=st.lists(FAR, min_size=1, max_size=6),
)
@example(  # one lane of two changes course far back, goes on past the end, and back again
    lanes=[0.1, 0.02],
    before=[
        (("advance", 40), True),
        (("go_to", 11), False),
        (("rate", 0, 0.5), True),
        (("advance", 20), True),
        (("branch", 0, 0.003, "adam", "cross-entropy"), True),
        (("advance", 30), False),
        (("go_to", 3), True),
        (("close", 1), False),
        (("advance", 5), True),
    ],
    after=[("advance", 40), ("back", 5)],
)
@example(  # a thinned run changes course at its start
    lanes=[0.0001],
    before=[
        (("advance", 10), False),
        (("go_to", 0), False),
        (("rate", 0, 0.003), True),
        (("advance", 1), False),
    ],
    after=[("look_ahead",)],
)
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
def test_after_any_commands_every_recorded_value_is_the_twins(
    lanes: list[float], before: list[tuple], after: list[tuple]
) -> None:
    start = np.random.default_rng(5).standard_normal(3)
    with small():
        trainer, twin, ledger = trainer_of(start, lanes), Twin(start, lanes), Ledger()
        for command, saved in before:
            carry_out(command, trainer, twin)
            check(trainer, twin)
            if saved:
                ledger.take(trainer.delta())
        ledger.take(trainer.delta())
        for checkpoint in (trainer.checkpoint(), ledger.checkpoint()):
            again = trainer_of(np.zeros(3), [0.1])
            again.restore(checkpoint)
            again.finish_tests()
            going_on = twin.copy()
            # a checkpoint does not hold the run before a reset
            going_on.replaced = going_on.checkpoint = None
            check(again, going_on)
            for command in after:
                carry_out(command, again, going_on)
                check(again, going_on)


def test_a_bounded_run_goes_back_to_any_epoch_with_the_same_bits() -> None:
    start = np.random.default_rng(5).standard_normal(3)
    bounded, full = (trainer_of(start, [0.003, 0.1], keep) for keep in (4096, None))
    for trainer in (bounded, full):
        trainer.advance(30_000)
    assert bounded.history.train_loss.dense_from > 20_000
    for epoch in (29_999, 20_001, 12_345, 12_344, 12_346, 9_000, 100, 0, 25_000, 30_000):
        for trainer in (bounded, full):
            trainer.go_to(epoch)
        assert bounded.weights.tobytes() == full.weights.tobytes()
        assert bounded.loss.tobytes() == full.loss.tobytes()
    for lane in (0, 1):
        got, true = bounded.losses(lane), full.losses(lane)
        known = np.isfinite(got)
        assert np.array_equal(got[known], true[known])
        assert known[:8192].all()
        assert (np.nanmin(got), np.nanmax(got)) == (true.min(), true.max())


@pytest.mark.parametrize("patience", [1, 7, 300])
def test_patience_stops_a_bounded_run_at_the_same_epoch(patience: int) -> None:
    problem = make_problem(200, seed=3)
    ends = []
    with small():
        for keep in (4, None):
            trainer = Trainer(
                problem,
                learning_rates=[0.02, 0.05],
                stop=StopRules(patience=patience),
                seed=2,
                keep_epochs=keep,
                batch_size=16,
            )
            trainer.advance(6000)
            ends.append((trainer.epoch, trainer.stopped))
            last = all_losses(trainer) if keep is None else None
    assert ends[0] == ends[1]
    assert last is not None
    epoch, stopped = ends[1]
    assert stopped
    # by hand: first epoch at which the minimum of every lane was that long ago
    stale = [[e - int(np.argmin(lane[: e + 1])) for lane in last] for e in range(epoch + 1)]
    assert min(stale[epoch]) >= patience
    assert all(min(one) < patience for one in stale[:epoch])


def all_losses(trainer: Trainer) -> list[Floats]:
    return [trainer.test_losses(lane) for lane in range(len(trainer.lanes))]
