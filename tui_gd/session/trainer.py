"""The trainer for Python: reports, curves, predictions, and what a notebook shows of it."""

import html
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from tui_gd.errors import ProblemError
from tui_gd.problems.load import labels_of
from tui_gd.problems.new_rows import design
from tui_gd.session.report import Report, report_on
from tui_gd.training.history import rates_at
from tui_gd.training.trainer import Trainer as BareTrainer

SHOWN_LANES = 8
WIDTH, HEIGHT = 480, 160
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f")


class Trainer(BareTrainer):
    """Gradient descent on all lanes of a run: `W ← W − α · g`, with every epoch on record.

    At rest, `epoch` epochs are done, and `loss` (lanes,), `grad` (lanes, parameters) and `weights`
    belong to them. `advance` trains, `back` and `go_to` step to any epoch with the bits that were
    there, `branch` copies a lane, `set_learning_rate` changes one, `reset` starts again.

    The problem comes from `tui_gd.load_problem`. There is one lane per learning rate; `optimizer`
    is one name for all lanes or one name each. Wrong names and shapes raise a one-line
    `ValueError`. Methods address a lane by its position in `lanes`; None is the selected one.

    >>> from tui_gd import Trainer, load_problem
    >>> trainer = Trainer(load_problem("blobs"), learning_rates=[0.01], seed=1)
    >>> trainer.advance(100)
    100
    >>> trainer.predict([[-1.5, 4.5]])
    array([0])
    """

    def report(self, lane: int | None = None) -> Report:
        """Return scikit-learn's report on a lane's predictions of the test rows.

        With validation rows it is on the best epoch's weights; see `best`. It prints as its `text`;
        `table` has the numbers. Of a surface it says where the lane is.
        """
        return report_on(self.problem, self.predictor, self.best[self._at(lane)].weights)

    def curves(self) -> dict[str, NDArray[Any]]:
        """Return a row for every lane and epoch as columns of equal length, for a data frame.

        `train_loss` and `test_loss` belong to the weights after `epoch` epochs, `learning_rate` to
        the update that follows them. With validation rows there is `validation_loss` too. What is
        not on record, or after a lane diverged, is NaN.

        >>> from tui_gd import Trainer, load_problem
        >>> trainer = Trainer(load_problem("blobs"), learning_rates=[0.01, 0.1], seed=1)
        >>> trainer.advance(3)
        3
        >>> {name: len(values) for name, values in trainer.curves().items()}
        {'lane': 8, 'epoch': 8, 'train_loss': 8, 'test_loss': 8, 'learning_rate': 8}
        """
        self.finish_tests()
        epochs = np.arange(self.epoch + 1)
        factors = np.array([self.descent.schedule(epoch) for epoch in epochs.tolist()])
        names = ["lane", "epoch", "train_loss", "test_loss", "learning_rate"]
        names += ["validation_loss"] if self.validates else []
        columns: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
        for position, lane in enumerate(self.lanes):
            parts: tuple[NDArray[Any], ...] = (
                np.full(len(epochs), lane.name),
                epochs,
                self.losses(position)[: len(epochs)],
                self.test_losses(position)[: len(epochs)],
                rates_at(lane.rates, epochs) * factors,
                *([self.validation_losses(position)[: len(epochs)]] if self.validates else []),
            )
            for column, part in zip(columns.values(), parts, strict=True):
                column.append(part)
        return {name: np.concatenate(parts) for name, parts in columns.items()}

    def predict(self, data: Any, lane: int | None = None) -> NDArray[np.generic]:
        """Return what a lane predicts for new rows (rows,): classes, or the numbers to learn.

        `data` is an array (rows, features) without ones, or a data frame with the problem's columns
        in any order, prepared as the train rows were. Classes are whole numbers or texts, as in the
        data. With validation rows the best epoch so far predicts. `ProblemError` for data that do
        not fit, and for a surface.
        """
        problem = self.problem
        if problem.surface:
            raise ProblemError(f"{problem.name} is a surface: it has no rows to predict")
        x, weights = design(problem, data), self.best[self._at(lane)].weights
        predictor = self.predictor
        if problem.task == "regression":
            return predictor.scores(weights, x)
        return labels_of(problem)[predictor.predict(weights, x)]

    def _at(self, lane: int | None) -> int:
        """Return the position of a lane, None being the selected one."""
        if lane is not None:
            return range(len(self.lanes))[lane]
        return self.position(self.current) or 0

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError(
            "a Trainer cannot be pickled: pickle its problem, the arguments it was made with and"
            " trainer.checkpoint(); restore() of a trainer made alike goes on with the same bits"
        )

    def __repr__(self) -> str:
        shown = [
            f"{lane.name} {lane.methods[-1].optimizer.name} α {rate:g} loss {loss:.6g}"
            for lane, rate, loss in zip(self.lanes, self.learning_rates, self.loss, strict=True)
        ]
        more = [] if len(shown) <= SHOWN_LANES else [f"{len(shown) - SHOWN_LANES} more"]
        name = self.problem.name
        return f"<Trainer on {name}, epoch {self.epoch}: {'; '.join(shown[:SHOWN_LANES] + more)}>"

    def _repr_html_(self) -> str:
        rows = [
            f"<tr><td style='color:{_COLOURS[i % len(_COLOURS)]}'>{html.escape(lane.name)}</td>"
            f"<td>{lane.methods[-1].optimizer.name}</td><td>{self.learning_rates[i]:g}</td>"
            f"<td>{self.loss[i]:.6g}</td></tr>"
            for i, lane in enumerate(self.lanes[:SHOWN_LANES])
        ]
        name = html.escape(self.problem.name)
        return (
            f"<div><b>{name}</b>, epoch {self.epoch}{self._curves_svg()}"
            "<table><tr><th>lane</th><th>optimizer</th><th>α</th><th>training loss</th></tr>"
            f"{''.join(rows)}</table></div>"
        )

    def _curves_svg(self) -> str:
        """Return the training losses as a picture, on a logarithmic axis where all are above 0."""
        losses = [self.losses(i)[: self.epoch + 1] for i in range(len(self.lanes))][:SHOWN_LANES]
        seen = np.concatenate(losses)
        seen = seen[np.isfinite(seen)]
        if not len(seen):
            return ""
        scale = np.log10 if (seen > 0).all() else np.asarray
        low, high = float(scale(seen).min()), float(scale(seen).max())
        lines = []
        for i, values in enumerate(losses):
            at = np.unique(np.linspace(0, len(values) - 1, WIDTH).astype(int))
            at = at[np.isfinite(values[at])]
            x = at * WIDTH / max(1, self.epoch)
            y = HEIGHT - (scale(values[at]) - low) * HEIGHT / ((high - low) or 1.0)
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
            colour = _COLOURS[i % len(_COLOURS)]
            lines.append(f"<polyline points='{points}' fill='none' stroke='{colour}'/>")
        axis = "training loss, logarithmic" if scale is np.log10 else "training loss"
        return (
            f"<br><svg viewBox='-4 -4 {WIDTH + 8} {HEIGHT + 8}' width='{WIDTH}' height='{HEIGHT}'>"
            f"<title>{axis}, {seen.min():.6g} to {seen.max():.6g}</title>{''.join(lines)}</svg>"
        )
