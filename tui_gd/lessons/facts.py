"""Facts: the numbers of a run that a lesson's checks and texts ask for."""

import math
from collections.abc import Callable

import numpy as np

from tui_gd.insight.curvature import curvature, safe_learning_rate
from tui_gd.learning.engine import computing
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Floats
from tui_gd.training.trainer import Trainer

RECORDED = frozenset({"loss", "test", "norm", "alpha"})
"""What the history holds for every epoch."""


class RunFacts:
    """The numbers of a trainer's current lane.

    `start` counts the starts of the lesson's run from 1. `verdict` returns the kind of the verdict.
    `at` returns the facts at another epoch, for numbers that are not on record.
    """

    def __init__(
        self,
        trainer: Trainer,
        *,
        start: int = 1,
        verdict: Callable[[], str] = lambda: "",
        at: Callable[[int], "RunFacts"] | None = None,
    ) -> None:
        self._trainer, self._start, self.verdict, self._at = trainer, start, verdict, at
        self._predictor = trainer.predictor

    @property
    def _position(self) -> int:
        return self._trainer.position(self._trainer.current) or 0

    def number(self, name: str, epoch: int | None = None) -> float:
        """Return a number of the current lane, at `epoch` or at the viewed one."""
        if epoch is not None and name in RECORDED:
            return self._recorded(name, epoch)
        if epoch is not None:
            reached = self._at is not None and epoch <= self._trainer.newest
            return self._at(epoch).number(name) if self._at and reached else math.nan
        trainer, position = self._trainer, self._position
        kind, _, index = name.partition("_")
        if index:
            values = trainer.weights if kind == "weight" else trainer.grad
            number = int(index) - 1
            return float(values[position][number]) if number < values.shape[1] else math.nan
        simple: dict[str, Callable[[], float]] = {
            "epoch": lambda: trainer.epoch,
            "newest": lambda: trainer.newest,
            "lanes": lambda: len(trainer.lanes),
            "start": lambda: self._start,
            "alpha": lambda: trainer.learning_rates[position],
            "loss": lambda: trainer.loss[position],
            "norm": lambda: float(np.linalg.norm(trainer.grad[position])),
            "test": self._test,
            "best": self._best,
            "limit": lambda: self._curvature("limit"),
            "lambda": lambda: self._curvature("lambda"),
        }
        if name in simple:
            return float(simple[name]())
        return self._rows(name, trainer.weights[position])

    def _test(self) -> float:
        self._trainer.finish_tests()
        return self._recorded("test", self._trainer.epoch)

    def _best(self) -> float:
        self._trainer.finish_tests()
        losses = self._trainer.test_losses(self._position)
        return float(np.fmin.reduce(losses, initial=np.nan))

    def _rows(self, name: str, weights: Floats) -> float:
        """Return how many test rows are right, wrong, or predicted otherwise than at the start."""
        problem = self._trainer.problem
        if problem.surface is not None or problem.task == "regression" or not len(problem.y_test):
            return math.nan
        with computing():
            now = self._predictor.predict(weights, problem.x_test)
            if name == "changed":
                start = self._trainer.history.keyframes.start()[self._position, 0]
                return float((now != self._predictor.predict(start, problem.x_test)).sum())
        right = float((now == problem.y_test).sum())
        count = float(len(problem.y_test))
        return {"right": right, "wrong": count - right, "accuracy": right / count}[name]

    def _recorded(self, name: str, epoch: int) -> float:
        history, position = self._trainer.history, self._position
        lane = history.lanes[position]
        if epoch > lane.recorded:
            return math.nan
        if name == "alpha":
            return float(lane.rate_at(epoch))
        series = {"loss": "train", "test": "test", "norm": "norm"}[name]
        return float(history.series[series].at(position, epoch))

    def _curvature(self, name: str) -> float:
        trainer, position = self._trainer, self._position
        method = trainer.lanes[position].method_at(trainer.epoch)
        with np.errstate(all="ignore"):
            found = curvature(trainer.engines.make(method.loss), trainer.weights[position].copy())
        if name == "lambda":
            return found.largest
        factor = make_loss(method.loss, trainer.problem.task).descent_factor
        safe = safe_learning_rate(
            found, method.optimizer.name, factor, True, method.optimizer.momentum
        )
        return math.nan if safe.limit is None else safe.limit
