"""The data panel: points over the decision regions of the current lane."""

import numpy as np

from tui_gd.learning.models import Floats
from tui_gd.plots.cells import Cells
from tui_gd.plots.decision import Limits, decision_grid, decision_limits, draw_decision
from tui_gd.problems import Problem
from tui_gd.ui.panels.panel import Panel, View

# more points than this are not told apart in a terminal; every k-th row is drawn
POINTS = 4000


class DataPanel(Panel):
    """Draws test points, or train points, over the probability of each class."""

    NAME = "data"

    def __init__(self) -> None:
        super().__init__()
        self.train = False
        self.sample: int | None = None
        self._limits: tuple[Problem, Limits] | None = None
        self._grid: tuple[tuple[object, ...], Floats] | None = None

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the picture for the current lane's weights."""
        problem, weights = view.problem, view.snapshot.lane.weights
        x, y = (
            (problem.x_train, problem.y_train) if self.train else (problem.x_test, problem.y_test)
        )
        every = max(1, -(-len(y) // POINTS))
        x, y = x[::every], y[::every]
        limits = self._limits_of(problem)
        points, shape = self._points(view, rows, columns, limits)
        probabilities = view.predictor.probabilities(weights, points)
        names = problem.feature_names
        chosen = problem.x_train[self.sample] if self.train and self.sample is not None else None
        return draw_decision(
            rows,
            columns,
            probabilities=probabilities.reshape(*shape, -1),
            points=x[:, :2],
            labels=y.astype(np.intp),
            predicted=view.predictor.predict(weights, x),
            class_names=[class_label(name) for name in problem.class_names],
            limits=limits,
            palette=view.palette,
            symbols=view.symbols,
            x_label=names[0],
            y_label=names[1],
            title="train" if self.train else "test",
            focused=self.has_focus,
            cursor=None if chosen is None else (float(chosen[0]), float(chosen[1])),
        )

    def _limits_of(self, problem: Problem) -> Limits:
        """Limits around train and test points, so that switching between them moves nothing."""
        if self._limits is None or self._limits[0] is not problem:
            both = np.vstack([problem.x_train[:, :2], problem.x_test[:, :2]])
            self._limits = (problem, decision_limits(both))
        return self._limits[1]

    def _points(
        self, view: View, rows: int, columns: int, limits: Limits
    ) -> tuple[Floats, tuple[int, int]]:
        """Return the pixels' places as rows of data, and the shape of the grid."""
        names = view.problem.feature_names
        key = (rows, columns, limits, view.symbols, names)
        _, xs, ys = decision_grid(
            rows, columns, limits, symbols=view.symbols, x_label=names[0], y_label=names[1]
        )
        if self._grid is None or self._grid[0] != key:
            across, down = np.meshgrid(xs, ys)
            grid = np.stack([across.ravel(), down.ravel(), np.ones(across.size)], axis=1)
            self._grid = (key, grid)
        return self._grid[1], (len(ys), len(xs))


def class_label(name: str) -> str:
    """Return a class's name, `class 0` where it is a bare number."""
    return f"class {name}" if name.isdecimal() else name
