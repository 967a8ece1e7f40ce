"""A run as Python: `repeat.py` repeats it, `predict.py` and an estimator predict with its weights.

A run of the tutorial's kind (one lane, one unit, gradient descent on all rows at once) is repeated
in plain numpy and scikit-learn; any other script calls this package. Names enter a script through
`repr` or JSON, so that no name is ever code. joblib writes the estimator; gd-tui never reads such a
file, because loading one runs the code in it.
"""

import io
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from tui_gd import __version__
from tui_gd.errors import ProblemError
from tui_gd.problems import BUILTIN, dates
from tui_gd.problems.load import labels_of
from tui_gd.problems.reading import loose_numbers, numeral
from tui_gd.problems.sources import NAME_LENGTH
from tui_gd.problems.text import safe_text
from tui_gd.runs.exports.predict import OF_DATES
from tui_gd.runs.recipe import (
    BranchOff,
    ChangeRate,
    DrawStart,
    Drop,
    PutStart,
    Rename,
    Shared,
    recipe,
)
from tui_gd.runs.record import MOST_EPOCHS, RunRecord
from tui_gd.session.settings import RunSettings

_DATA = {
    "blobs": (
        "make_blobs",
        "X, y = make_blobs(n_samples={samples}, n_features=2, centers=2, cluster_std={noise},"
        " random_state={data_seed})",
    ),
    "moons": (
        "make_moons",
        "X, y = make_moons({samples}, noise={noise}, random_state={data_seed})",
    ),
    "circles": (
        "make_circles",
        "X, y = make_circles({samples}, factor=0.5, noise={noise}, random_state={data_seed})",
    ),
    "line": (
        "",
        "rng = np.random.default_rng({data_seed})\n"
        "X = rng.uniform(-1, 1, ({samples}, 1))\n"
        "y = 2 * X[:, 0] + 1 + {noise} * rng.standard_normal({samples})",
    ),
    "plane": (
        "",
        "rng = np.random.default_rng({data_seed})\n"
        "X = rng.uniform(-1, 1, ({samples}, 2))\n"
        "y = X[:, 0] - 2 * X[:, 1] + 1 + {noise} * rng.standard_normal({samples})",
    ),
    "breast-cancer": ("load_breast_cancer", "X, y = load_breast_cancer(return_X_y=True)"),
    "diabetes": ("load_diabetes", "X, y = load_diabetes(return_X_y=True)"),
}
"""By problem: the import from `sklearn.datasets`, and the lines that make X and y."""

_SIGMOID = "1 / (1 + np.exp(np.minimum(-X @ w, 700)))"
_LOSSES = {
    ("binary", "sse"): ("(p - y) * p * (1 - p)", "np.sum((p - y) ** 2)"),
    ("binary", "mse"): ("2 * (p - y) * p * (1 - p) / len(y)", "np.mean((p - y) ** 2)"),
    ("binary", "cross-entropy"): (
        "(p - y) / len(y)",
        "np.mean(np.logaddexp(0, X @ w) - y * (X @ w))",
    ),
    ("regression", "sse"): ("p - y", "np.sum((p - y) ** 2)"),
    ("regression", "mse"): ("2 * (p - y) / len(y)", "np.mean((p - y) ** 2)"),
}
"""By task and loss: the factor of X transposed in the gradient, and the loss."""


_IN_PLAIN = {
    "problem",
    "epochs",
    "alpha",
    "loss",
    "activation",
    "start",
    "seed",
    "init",
    "test_size",
    "split_seed",
    "samples",
    "noise",
    "data_seed",
}
"""Settings that the plain script can repeat when they differ from the defaults."""


def script_files(run: RunRecord) -> dict[str, bytes]:
    """Return `repeat.py`, which prints every lane's loss at the run's epoch."""
    shared = recipe(run)
    # the script counts the epochs: stop rules have nothing to do
    settings = replace(shared.settings, target_loss=None, gradient_norm=None, patience=None)
    if _is_plain(run, settings, shared):
        text = _plain_script(run, settings, shared)
    else:
        text = _package_script(settings, shared)
    return {"repeat.py": text.encode()}


def _is_plain(run: RunRecord, settings: RunSettings, shared: Shared) -> bool:
    """Whether the plain script can repeat the run."""
    lanes = run.lanes
    return (
        settings.problem in _DATA
        and (run.problem.task, settings.loss_for(run.problem)) in _LOSSES
        and settings.given().keys() <= _IN_PLAIN
        and settings.start in {None, "normal", "zeros"}
        and settings.optimizer == ("sgd",)
        and len(settings.alpha) == len(lanes) == 1
        and lanes[0].diverged is None
        and all(isinstance(step, DrawStart | PutStart | Rename) for step in shared.steps)
    )


def _plain_script(run: RunRecord, settings: RunSettings, shared: Shared) -> str:
    problem = run.problem
    options = dict(BUILTIN[settings.problem].options)
    given = {name: getattr(settings, name) for name in options}
    options |= {name: value for name, value in given.items() if value is not None}
    source, made = _DATA[settings.problem]
    start = f"np.random.default_rng({settings.seed}).standard_normal(X.shape[1])"
    if settings.start == "zeros":
        start = "np.zeros(X.shape[1])"
    for step in shared.steps:
        if isinstance(step, DrawStart) and settings.start != "zeros":
            start = start.replace(f"({settings.seed})", f"({step.seed})")
        elif isinstance(step, PutStart):
            start = f"np.array({list(step.weights)!r})"
    slope, loss = _LOSSES[problem.task, settings.loss_for(problem)]
    predict = f"    p = {_SIGMOID if problem.task == 'binary' else 'X @ w'}"
    lines = [
        f"# {run.command}",
        "import numpy as np",
        *([f"from sklearn.datasets import {source}"] if source else []),
        "from sklearn.model_selection import train_test_split",
        "",
        made.format(**options),
        "X = np.c_[X, np.ones(len(X))]",
        "X, X_test, y, y_test = train_test_split(",
        f"    X, y, test_size={settings.test_size!r}, random_state={settings.split_seed}",
        ")",
        f"w = {start}",
        f"for epoch in range({shared.epoch}):",
        predict,
        f"    w -= {settings.alpha[0]!r} * X.T @ ({slope})",
        predict.strip(),
        f'print(f"lane A, loss {{{loss}:.17g}}")',
    ]
    return "\n".join(lines) + "\n"


def _package_script(settings: RunSettings, shared: Shared) -> str:
    settings = _anywhere(settings)
    given = [f"{name}={value!r}" for name, value in settings.given().items()]
    lines = [
        "from tui_gd.session.settings import RunSettings",
        "",
        f"settings = RunSettings({', '.join(given)})",
        "trainer = settings.make_trainer(settings.load_problem())",
        *_calls(settings, shared),
        f"trainer.go_to({shared.epoch})",
        "for lane, loss in zip(trainer.lanes, trainer.loss, strict=True):",
        '    print(f"lane {lane.name}, loss {loss:.17g}")',
    ]
    return "\n".join(lines) + "\n"


def _anywhere(settings: RunSettings) -> RunSettings:
    """Return settings with absolute paths, so that the script runs in any directory."""
    named = settings.data_files | ({"init": settings.init} if settings.init is not None else {})
    found: dict[str, Any] = {
        option: str(Path(path).resolve()) for option, path in named.items() if Path(path).is_file()
    }
    return replace(settings, **found)


def _calls(settings: RunSettings, shared: Shared) -> list[str]:
    """Return the lines that do the steps; a lane is called by its position at that time."""
    lanes = list(range(len(settings.alpha) * len(settings.optimizer)))
    made, at, lines = len(lanes), 0, []
    for step in shared.steps:
        if isinstance(step, BranchOff | ChangeRate | Drop) and step.epoch > at:
            at = step.epoch
            lines.append(f"trainer.go_to({at})")
        match step:
            case DrawStart(seed):
                lines.append(f"trainer.reset({seed})")
            case PutStart(which, weights):
                calls = [f"trainer.reset(weights=w, lane={lanes.index(lane)})" for lane in which]
                lines += [f"w = {list(weights)!r}", *calls]
            case BranchOff(_, parent, rate, optimizer, loss):
                names = {"optimizer": optimizer, "loss": loss}
                parts = [repr(lanes.index(parent)), repr(rate)]
                parts += [f"{name}={value!r}" for name, value in names.items() if value]
                lines.append(f"trainer.branch({', '.join(parts)})")
                lanes.append(made)
                made += 1
            case ChangeRate(_, lane, rate):
                lines.append(f"trainer.set_learning_rate({rate!r}, {lanes.index(lane)})")
            case Drop(_, lane):
                lines.append(f"trainer.close({lanes.index(lane)})")
                lanes.remove(lane)
            case Rename(lane, name):
                lines.append(f"trainer.lanes[{lanes.index(lane)}].name = {name!a}")
    return lines


def without_columns(run: RunRecord) -> str:
    """Return why no script can predict from a table, or an empty text."""
    columns = {rule.column for rule in run.problem.rules}
    for name in run.settings.number:
        if name not in columns and name.isdecimal():
            return f"--number {name} names a column by its place: run it with the column's name"
    if columns:
        return ""
    if run.problem.surface:
        return "a surface has no rows to predict"
    return "there is no record of how its features were made, so no script can predict"


def predict_files(run: RunRecord) -> dict[str, bytes]:
    """Return `predict.py`, of Python and numpy alone, and `model.json`, which it reads.

    If features come from dates, `dates.py` is beside them.
    """
    problem, weights, reading = run.problem, run.weights(run.lane), run.settings.reading
    loose, longest, factors = loose_numbers()
    model = {
        "version": __version__,
        "problem": problem.name,
        "lane": run.lane.name,
        "epoch": run.best_epoch(run.lane),
        "target": problem.target_name,
        "task": problem.task,
        "classes": list(problem.class_names),
        "threshold": run.settings.threshold,
        "missing texts": sorted(reading.missing_texts),
        "missing numbers": sorted(reading.missing_numbers),
        "number": numeral(reading.decimal_sign, reading.thousands_sign),
        "decimal": reading.decimal_sign,
        "loose columns": [safe_text(name.strip(), NAME_LENGTH) for name in reading.number],
        "loose number": loose,
        "longest": longest,
        "factors": factors,
        "reading": {
            "separator": reading.separator,
            "header": reading.header,
            "comment": reading.comment,
            "skip rows": reading.skip_rows,
            "encoding": reading.encoding,
        },
        "features": [
            {"feature": name, **asdict(rule)}
            for name, rule in zip(problem.feature_names, problem.rules, strict=True)
        ],
        "activation": run.settings.activation,
        "layers": [layer[0].tolist() for layer in run.model.matrices(weights[None])],
    }
    text = json.dumps(model, indent=1, allow_nan=False)
    script = Path(__file__).with_name("predict.py").read_bytes()
    files = {"predict.py": script, "model.json": text.encode() + b"\n"}
    if any(rule.use in OF_DATES for rule in problem.rules):
        files["dates.py"] = Path(dates.__file__).read_bytes()
    return files


def without_estimator(run: RunRecord) -> str:
    """Return why there is no estimator, or an empty text."""
    if run.epoch > MOST_EPOCHS:
        return f"an estimator holds at most {MOST_EPOCHS} epochs' losses: export weights instead"
    return "a surface has no rows to predict, so it has no estimator" if run.problem.surface else ""


def estimator_files(run: RunRecord) -> dict[str, bytes]:
    """Return `estimator.joblib`, which predicts as this run does from features without ones.

    Of two classes it predicts the more probable one, whatever the run's threshold. Classes are
    labelled by name, or by number if all names are whole numbers. `loss_curve_` has NaN where the
    record was thinned.
    """
    if reason := without_estimator(run):
        raise ProblemError(reason)
    import joblib  # type: ignore[import-untyped]

    from tui_gd.estimators import (
        GradientDescentClassifier,
        GradientDescentRegressor,
        with_weights,
    )

    settings, lane, problem = run.settings, run.lane, run.problem
    optimizer, loss = run.method(lane)
    kind = GradientDescentRegressor if problem.task == "regression" else GradientDescentClassifier
    estimator = kind(
        loss=loss,
        learning_rate=run.learning_rate(lane),
        optimizer=optimizer,
        momentum=settings.momentum if optimizer in {"momentum", "nesterov"} else None,
        hidden_layer_sizes=settings.hidden,
        activation=settings.activation,
        batch_size=settings.batch_size,
        schedule=settings.schedule,
        l1=settings.l1,
        l2=settings.ridge,
        max_iter=max(1, run.epoch),
        tol=None,
        start=settings.start_name,
        random_state=settings.seed % 2**32,
    )
    losses = run.series("train", lane).between(0, run.best_epoch(lane) + 1)
    with_weights(
        estimator,
        run.model,
        run.weights(lane).astype(np.float64),
        classes=None if problem.task == "regression" else labels_of(problem),
        loss_curve=losses.tolist(),
        seed=settings.seed,
    )
    out = io.BytesIO()
    joblib.dump(estimator, out)
    return {"estimator.joblib": out.getvalue()}
