"""The lanes of a run made and changed: the first, another learning rate, a branch, one closed."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tui_gd.learning.history import Branch, Lane, Method, lane_name
from tui_gd.learning.optimizers import Optimizer
from tui_gd.learning.run import Run


def first_lanes(
    rates: Sequence[float],
    optimizer: str | Sequence[str],
    loss: str,
    make_optimizer: Callable[[str], Optimizer],
) -> list[Lane]:
    """Return a lane for each learning rate; `optimizer` is a name for all lanes, or one for each.

    `ValueError` if there are fewer names or more.
    """
    names = [optimizer] * len(rates) if isinstance(optimizer, str) else list(optimizer)
    if len(names) != len(rates):
        raise ValueError(
            f"{len(names)} optimizers for {len(rates)} learning rates: name one, or each"
        )
    made = {name: make_optimizer(name) for name in names}
    return [
        Lane(number, lane_name(number), [(0, float(rate))], [Method(0, made[name], loss)])
        for number, (rate, name) in enumerate(zip(rates, names, strict=True))
    ]


def begun_again(run: Run, rates: list[float]) -> list[Lane]:
    """Return the lanes at epoch 0, with the learning rates given and the methods in force here."""
    return [
        Lane(one.number, one.name, [(0, rate)], [replace(one.method_at(run.epoch), since=0)])
        for one, rate in zip(run.lanes, rates, strict=True)
    ]


def set_learning_rate(run: Run, rate: float, lane: int) -> None:
    """Let the lane at a position descend with `rate` from here on.

    If it has later epochs on record, the rate is only proposed: see `Run.take_proposals`.
    """
    one = run.lanes[lane]
    if run.epoch >= one.recorded:
        if rate != one.rate_at(run.epoch):
            run.history.set_rate(lane, run.epoch, rate)
    else:
        one.proposed = None if rate == one.rate_at(run.epoch) else (run.epoch, rate)
    run.ahead = None


def branch(run: Run, lane: int, rate: float | None, optimizer: str | None, loss: str | None) -> int:
    """Copy a lane into a new lane and return its position; see `Trainer.branch`.

    What its test losses lack is left pending.
    """
    old = run.lanes[lane]
    method = _method_with(run, old.method_at(run.epoch), optimizer, loss)
    losses, grads = run.loss[lane : lane + 1], run.grad[lane : lane + 1]
    if method.loss != old.method_at(run.epoch).loss:
        # before anything changes, for the pass may be given up
        with run.computing():
            weights = np.ascontiguousarray(run.state[lane : lane + 1, 0])
            losses, grads = run.engines.train(method.loss).loss_and_grad(weights)
    rate = old.shown_rate(run.epoch) if rate is None else rate
    old.proposed = None
    new = run.history.branch(lane, run.epoch, run.next_number, lane_name(run.next_number))
    run.next_number += 1
    position = len(run.lanes) - 1
    run.history.entries.append(Branch(run.epoch, old.number, new.number, optimizer, loss))
    if rate != old.rate_at(run.epoch):
        run.history.set_rate(position, run.epoch, rate)
    run.evaluation.branch(lane, position, run.epoch)
    run.state = np.concatenate([run.state, run.state[lane : lane + 1]])
    run.loss = np.concatenate([run.loss, losses])
    run.grad = np.concatenate([run.grad, grads])
    run.ahead = None
    if method is not new.methods[-1]:
        _change_method(run, position, method)
    run.use_methods()
    return position


def _method_with(run: Run, method: Method, optimizer: str | None, loss: str | None) -> Method:
    """Return a method that begins here, or the one that there is where nothing differs."""
    rule = method.optimizer
    if optimizer is not None and optimizer != rule.name:
        rule = run.make_optimizer(optimizer)
    wanted = replace(method, optimizer=rule, loss=loss or method.loss)
    return method if wanted == method else replace(wanted, since=run.epoch)


def _change_method(run: Run, position: int, method: Method) -> None:
    """Let a lane that is new here descend by `method`, which begins here."""
    lane, history, epoch = run.lanes[position], run.history, run.epoch
    lane.methods = [*(old for old in lane.methods if old.since < epoch), method]
    missing = 1 + method.optimizer.slots - run.state.shape[1]
    if missing > 0:
        lanes, _, parameters = run.state.shape
        room = np.zeros((lanes, missing, parameters), run.state.dtype)
        run.state = np.concatenate([run.state, room], axis=1)
        history.keyframes.widen(method.optimizer.slots)
    for series in history.series.values():
        series.forget(position, epoch - 1)  # the numbers here were of the other method
    history.train_loss.write_lane(position, epoch, run.loss[position, None])
    if run.descent.record_steepness:
        norm = np.sqrt(np.vecdot(run.grad[position], run.grad[position]))
        history.norms.write_lane(position, epoch, norm[None])
    if run.test_losses:
        run.evaluation.forget(position, epoch - 1)
        alone = np.arange(len(run.lanes)) == position
        names = [one.method_at(epoch).loss for one in run.lanes]
        run.evaluation.add(epoch, run.state[None, :, 0], alone[None], names)


def close(run: Run, lane: int) -> None:
    """Drop the lane at a position; those after it move up by one. The last one stays."""
    if len(run.lanes) == 1:
        return
    run.history.close(lane, run.epoch)
    run.evaluation.close(lane)
    run.state = np.delete(run.state, lane, axis=0)
    run.loss, run.grad = np.delete(run.loss, lane), np.delete(run.grad, lane, axis=0)
    run.ahead = None
    run.find_current()
    run.use_methods()
