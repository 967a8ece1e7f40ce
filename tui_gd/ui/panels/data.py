"""The data panel: points over the decision regions of the current lane."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tui_gd.learning.models import Floats
from tui_gd.plots.axes import BORDER, Axes, Canvas, Heading, Limits, draw_words
from tui_gd.plots.cells import Cells, first_fitting, wrapped
from tui_gd.plots.decision import (
    ClassifiedPoints,
    FittedLine,
    decision_grid,
    decision_limits,
    draw_decision,
    draw_fit,
    fit_columns,
)
from tui_gd.problems import Problem
from tui_gd.problems.projection import Projection, choose_projection
from tui_gd.ui.panels.panel import ARROWS, LEAVE, Hint, Panel, View, sample_in_words

# nobody can tell more points apart in a terminal: of more rows, every k-th is drawn
POINTS = 4000


@dataclass(eq=False)
class DataPlane:
    """How a problem is drawn: the limits contain the train and test points (n, 2) to draw."""

    problem: Problem
    projection: Projection
    limits: Limits
    train_points: Floats
    test_points: Floats
    _grid: tuple[tuple[int, int], Floats] = field(default=((0, 0), np.empty(0)), init=False)

    @classmethod
    def of(cls, problem: Problem) -> "DataPlane":
        """Return the plane of `problem`, which has at least two features."""
        projection = choose_projection(problem)
        both = [projection.project(some_rows(problem, train=train)[0]) for train in (True, False)]
        return cls(problem, projection, decision_limits(np.vstack(both)), *both)

    def grid(self, xs: Floats, ys: Floats) -> Floats:
        """Return a grid over the limits, row by row, as rows of data; the last one is kept.

        `xs` and `ys` are centres of equal parts of the limits: their numbers tell grids apart.
        """
        shape = (len(ys), len(xs))
        if self._grid[0] != shape:
            across, down = np.meshgrid(xs, ys)
            places = np.stack([across.ravel(), down.ravel()], axis=1)
            self._grid = (shape, self.projection.lift(places))
        return self._grid[1]


def half(problem: Problem, *, train: bool) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Return X and y of the train rows, or of the test rows."""
    if train:
        return problem.x_train, problem.y_train
    return problem.x_test, problem.y_test


def stride(y: NDArray[np.generic]) -> int:
    """Return k, where every k-th row is drawn: at most `POINTS` rows in all."""
    return max(1, -(-len(y) // POINTS))


def some_rows(problem: Problem, *, train: bool) -> tuple[Floats, NDArray[np.generic]]:
    """Return X and y of the rows to draw: all, or as many, evenly spread, as can be seen."""
    x, y = half(problem, train=train)
    every = slice(None, None, stride(y))
    return problem.rows(x, every), y[every]


def _around_half(probabilities: Floats, threshold: float) -> Floats:
    """Return the probabilities of two classes (points, 2), rescaled to ½ at the threshold.

    With threshold t, p of the second class becomes p (1 − t) / (p (1 − t) + (1 − p) t), as if the
    bias were lower by log(t / (1 − t)). The boundary is drawn at ½.
    """
    if threshold == 0.5:
        return probabilities
    moved: Floats = probabilities * (threshold, 1.0 - threshold)
    moved /= moved.sum(axis=1, keepdims=True)
    return moved


class PlanePanel(Panel):
    """A panel that draws on the plane of a problem, which it finds once."""

    def forget(self) -> None:
        """Forget the plane of a problem, because the run has moved to another one."""
        super().forget()
        self._plane: DataPlane | None = None

    def plane_of(self, problem: Problem) -> DataPlane:
        """Return the plane of `problem`, which has at least two features; if it is new, forget."""
        if self._plane is None or self._plane.problem is not problem:
            self.forget()
            self._plane = DataPlane.of(problem)
        return self._plane


class DataPanel(PlanePanel):
    """Draws test points, or train points, over the probability of each class.

    The cursor stands at a point, and the title gives the row's features, class and p. `sample` is
    the train row that the step panel shows; among train points, the cursor is at that row.
    """

    NAME: ClassVar[str] = "data"
    PLACE: ClassVar[int] = 1

    def __init__(self) -> None:
        super().__init__()
        self.train = False
        self.sample = 0

    def forget(self) -> None:
        """Forget plane and test row of a problem, because the run has moved to another one."""
        super().forget()
        self._test_row = 0

    def draw(self, view: View, rows: int, columns: int) -> Cells:
        """Return the picture for the current lane's weights."""
        problem, weights = view.problem, view.snapshot.lane.weights
        if problem.surface:
            key = view.keys.of("panel('landscape')")
            said = wrapped(f"a surface has no rows of data: {key} shows it", columns - BORDER - 2)
            return draw_words(Canvas(rows, columns, view.style, self.heading(view, "Data")), said)
        if problem.task == "regression" or problem.features == 1:
            return self._on_axes(view, rows, columns)
        plane = self.plane_of(problem)
        x, y = some_rows(problem, train=self.train)
        axes = self._axes(view, plane)
        place, xs, ys = decision_grid(rows, columns, axes, view.style.symbols)
        probabilities = _around_half(
            view.predictor.probabilities(weights, plane.grid(xs, ys)), view.predictor.threshold
        )
        chosen = None
        if self.train or self.cursor_on:
            across, up = plane.projection.project(self._one(problem)[0][None])[0].tolist()
            chosen = (across, up)
        heading = self._heading(view, self._title(view, place.columns - 2), self._meanings(view))
        return draw_decision(
            Canvas(rows, columns, view.style, heading),
            ClassifiedPoints(
                plane.train_points if self.train else plane.test_points,
                y.astype(np.intp),
                view.predictor.predict(weights, x),
                [class_label(name) for name in problem.class_names],
            ),
            probabilities.reshape(len(ys), len(xs), -1),
            axes,
            chosen,
        )

    def _heading(self, view: View, at_cursor: str, below: tuple[str, ...] = ()) -> Heading:
        """Return the description of the point at the cursor, or else say which points are drawn."""
        if self.cursor_on:
            return self.heading(view, at_cursor, below=below)
        title = f"Data, {self._source} rows"
        if sample_in_words(view.problem):
            title = f"Data, a sample of the {self._source} rows"
        return self.heading(view, title, short=f"Data, {self._source}", below=below)

    @staticmethod
    def _axes(view: View, plane: DataPlane) -> Axes:
        """Return the axes, and then what the line means."""
        line = "line: boundary"
        notes: tuple[str, ...] = (line,)
        if view.problem.task == "binary":
            notes = (f"{line}, p = {view.predictor.threshold:g}", line)
        if sample_in_words(view.problem):
            notes = (f"a sample of rows; {notes[0]}", "a sample of rows", "sample")
        return Axes.of(plane.limits, *plane.projection.labels, notes)

    @staticmethod
    def _meanings(view: View) -> tuple[str, ...]:
        """Return what the background and the signs of wrong points mean, the longest form first."""
        symbols = view.style.symbols
        ground = ground_word(view)
        wrong = "hollow: wrong"
        if symbols.plain:
            signs = symbols.wrong_points[: len(view.problem.class_names)]
            wrong = f"{' '.join(signs)}: wrong"
        short = f"{ground}: predicted"
        return f"{ground}: what is predicted, {wrong}", f"{short}, {wrong}", short

    @property
    def _row(self) -> int:
        """The row the cursor is at, among train or test rows."""
        return self.sample if self.train else self._test_row

    @staticmethod
    def _predicted(view: View, x: Floats) -> Floats:
        """Return one number per row: the score, p of two classes, or the number of the class."""
        weights = view.snapshot.lane.weights
        if view.problem.task == "regression":
            return view.predictor.scores(weights, x)
        if view.problem.task == "binary":
            return view.predictor.probabilities(weights, x)[:, 1]
        return view.predictor.predict(weights, x).astype(np.float64)

    @property
    def _source(self) -> str:
        return "train" if self.train else "test"

    def _one(self, problem: Problem) -> tuple[Floats, float]:
        """Return the row at the cursor, and its target or the number of its class."""
        x, y = half(problem, train=self.train)
        return problem.rows(x, self._row), float(y[self._row])

    def _on_axes(self, view: View, rows: int, columns: int) -> Cells:
        """One feature: target and prediction over it. More features: prediction over target.

        For two classes the prediction is p; for more, it is the number of the class.
        """
        problem, symbols = view.problem, view.style.symbols
        x, y = some_rows(problem, train=self.train)
        single = problem.features == 1
        true = y.astype(np.float64)
        predicted = self._predicted(view, x)
        both = np.concatenate([problem.y_train, problem.y_test]).astype(np.float64)
        low, high = with_margin(both)
        row, truth = self._one(problem)
        here = float(self._predicted(view, row[None])[0])
        if single:
            points = np.stack([x[:, 0], true], axis=1)
            across = with_margin(np.concatenate([problem.x_train[:, 0], problem.x_test[:, 0]]))
            axes = Axes.of((*across, low, high), problem.feature_names[0], problem.target_name)
            places = fit_columns(columns, across, symbols)
            fitted = self._predicted(view, np.stack([places, np.ones_like(places)], 1))
            name = "fit" if problem.task == "regression" else "p"
            line = FittedLine(np.stack([places, fitted], axis=1), name)
        else:
            points = np.stack([true, predicted], axis=1)
            axes = Axes.of((low, high, low, high), f"{problem.target_name}, true", "predicted")
            line = FittedLine(np.array([[low, low], [high, high]]), "perfect")
        what = f"{problem.target_name} {truth:.5g}, predicted {here:.5g}"
        heading = self._heading(view, f"{self._source} {self._row + 1}: {what}")
        chosen = (float(row[0]), truth) if single else (truth, here)
        canvas = Canvas(rows, columns, view.style, heading)
        shown = chosen if self.train or self.cursor_on else None
        return draw_fit(canvas, points, line, axes, shown)

    def _title(self, view: View, room: int) -> str:
        """Return which points these are, or as much of the point at the cursor as fits."""
        which = self._source
        if not self.cursor_on:
            return which
        row, label = self._one(view.problem)
        names, numbers = view.problem.feature_names, [f"{value:.3g}" for value in row[:-1]]
        weights = view.snapshot.lane.weights
        probabilities = view.predictor.probabilities(weights, row[None])[0]
        predicted = int(view.predictor.predict(weights, row[None])[0])
        # for two classes, p is the model's output: the probability of class 1
        p = f"p {probabilities[1 if len(probabilities) == 2 else predicted]:.3g}"
        truth = class_label(view.problem.class_names[int(label)])
        verdict = "right" if predicted == label else "wrong"
        features = ", ".join(f"{name} {value}" for name, value in zip(names, numbers, strict=True))
        forms = (
            f"{which} {self._row + 1}: {features}, {truth}, {p}, {verdict}",
            f"{which} {self._row + 1}: ({', '.join(numbers)}) {truth} {p} {verdict}",
            f"{which} {self._row + 1}: {truth} {p} {verdict}",
            f"{self._row + 1}: {truth} {verdict}",
        )
        return first_fitting(forms, room)

    def numbers(self, view: View) -> list[str]:
        """Return the rows that are drawn: features, true values and predictions.

        For two classes this includes p of class 1; for more, p of every class.
        """
        problem, weights = view.problem, view.snapshot.lane.weights
        x, y = some_rows(problem, train=self.train)
        if problem.surface or not len(y):
            return []
        everything = half(problem, train=self.train)[1]
        numbers = range(0, len(everything), stride(everything))
        more: list[list[float]] = [[] for _ in y]
        names: list[str] = []
        if problem.task == "regression":
            true, predicted = y.tolist(), self._predicted(view, x).tolist()
        else:
            true = [class_label(problem.class_names[int(label)]) for label in y]
            labels = view.predictor.predict(weights, x).tolist()
            predicted = [class_label(problem.class_names[label]) for label in labels]
            p = view.predictor.probabilities(weights, x)
            single = len(problem.class_names) == 2
            more = (p[:, 1:] if single else p).tolist()
            names = ["p"] if single else [f"p of {class_label(n)}" for n in problem.class_names]
        heading = [self._source, *problem.feature_names, problem.target_name, "predicted", *names]
        rows = zip(numbers, x[:, :-1].tolist(), true, predicted, more, strict=True)
        return [
            self._title(view, 10**6) if problem.task != "regression" else self._source,
            ", ".join(heading),
            *(
                ", ".join(
                    [str(number + 1), *map(repr, features), str(truth), str(found), *map(repr, ps)]
                )
                for number, features, truth, found, ps in rows
            ),
        ]

    def hints(self, view: View) -> tuple[Hint, ...]:
        """Return the keys of the cursor."""
        other = "test" if self.train else "train"
        rows = Hint(("train_points",), f"{other} rows", 4)
        return (Hint((), "another row", 2, "row", ARROWS), rows, LEAVE) if self.cursor_on else ()

    def begin_cursor(self, view: View) -> bool:
        """Put the cursor at the step panel's train row, or back at its last test row."""
        if view.problem.surface:
            return False
        self.cursor_on = True
        return True

    def move_cursor(self, across: int, down: int, view: View) -> None:
        """Go to the nearest point in that direction; in a regression, to the next or last row."""
        y = half(view.problem, train=self.train)[1]
        if view.problem.task == "regression" or view.problem.features == 1:
            self._choose((self._row + (across or down)) % len(y))
            return
        plane = self.plane_of(view.problem)
        low_x, high_x, low_y, high_y = plane.limits
        span = np.array([high_x - low_x, high_y - low_y])
        places = (plane.train_points if self.train else plane.test_points) / span
        here = plane.projection.project(self._one(view.problem)[0][None])[0] / span
        found = nearest(places, here, (across, -down))
        if found is not None:
            self._choose(found * stride(y))

    def _choose(self, row: int) -> None:
        if self.train:
            self.sample = row
        else:
            self._test_row = row


def ground_word(view: View) -> str:
    """Return what a picture's regions are made of: the background, or dots with few colours."""
    return "background" if view.style.palette.filled else "dots"


def with_margin(values: Floats) -> tuple[float, float]:
    """Return limits that leave a margin around the values."""
    low, high = float(values.min()), float(values.max())
    margin = 0.06 * (high - low) or max(abs(low), 1.0)
    return low - margin, high + margin


def nearest(points: Floats, here: Floats, direction: tuple[int, int]) -> int | None:
    """Return the point of `points` (n, 2) nearest to `here` within 45° of a direction."""
    away = points - here
    along = away @ np.array(direction, np.float64)
    beside = np.abs(away @ np.array(direction[::-1], np.float64))
    there = (along > 1e-9) & (beside <= along)
    if not there.any():
        return None
    return int(np.argmin(np.where(there, along + beside, np.inf)))


def class_label(name: str) -> str:
    """Return a class's name; a bare number becomes `class 0`."""
    return f"class {name}" if name.isdecimal() else name
