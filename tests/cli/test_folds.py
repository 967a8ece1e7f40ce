"""`gd-tui run --folds`: scikit-learn's folds, and the numbers of a plain loop of runs over them."""

import csv
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import dump_svmlight_file
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.cli.commandline import Said, call, started
from tests.making import Floats
from tui_gd.cli import run
from tui_gd.problems import arrays, files
from tui_gd.training import bursts
from tui_gd.training.bursts import SideBySide
from tui_gd.training.trainer import Trainer

FOLDS = 4


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GD_TUI_DATA", str(tmp_path / "runs"))


def make(kind: str) -> tuple[Floats, list[object]]:
    """Return X (rows, 3), on scales that need standardizing, and targets, of classes or numbers."""
    rng = np.random.default_rng(11)
    x = rng.standard_normal((90, 3)) * [1.0, 20.0, 300.0]
    y = x @ [1.0, 0.1, 0.002] + rng.standard_normal(90)
    if kind == "regression":
        return x, list(y)
    return x, ["yes" if one else "no" for one in y > 0.7]


def write(path: Path, x: Floats, y: list[object]) -> Path:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["a", "b", "c", "y"])
        rows.writerows([*row, one] for row, one in zip(x.tolist(), y, strict=True))
    return path


@pytest.mark.parametrize("kind", ["classes", "regression"])
@pytest.mark.parametrize("more", [(), ("--validation-size", 0.25, "--patience", 5, "-a", 0.5)])
def test_folds_are_separate_runs_on_the_folds_of_scikit_learn(
    tmp_path: Path, kind: str, more: tuple[object, ...]
) -> None:
    x, y = make(kind)
    options = ("--target", "y", "-e", 60, "--seed", 3, *more, "--json", "-")
    said = call("run", write(tmp_path / "all.csv", x, y), *options, "--folds", FOLDS)
    assert said.status == 0
    names = ("accuracy", "roc_auc", "log_loss") if kind == "classes" else ("r2", "rmse")
    parts = StratifiedKFold if kind == "classes" else KFold
    expected = []
    for fold, (train, test) in zip(
        said.document["folds"],
        parts(FOLDS, shuffle=True, random_state=42).split(x, y),
        strict=True,
    ):
        one = write(tmp_path / "train.csv", x[train], [y[i] for i in train])
        other = write(tmp_path / "test.csv", x[test], [y[i] for i in test])
        (lane,) = call("run", one, "--test", other, *options).document["lanes"]
        assert fold["weights"] == lane["weights"]
        assert fold["alpha"] == lane["alpha"]
        assert fold["test_rows"] == len(test)
        assert fold["train_rows"] + fold["validation_rows"] == len(train)
        report = {**lane["report"], **lane["scores"]}
        report |= {"rmse": report.get("root mean squared error")}
        held_out, wanted = "test_loss", ["train_loss", "test_loss"]
        if "--validation-size" in more:
            held_out = "validation_loss"
            wanted.append(held_out)
        curves = {name: [*lane[name], lane[f"final_{name}"]] for name in wanted}
        least, best = int(np.argmin(curves[held_out])), fold["best_epoch"]
        assert fold["least_epoch"] == least
        assert best == (least if "--validation-size" in more else 60)
        assert fold["epochs"] == len(lane["train_loss"])
        losses = {name: curve[best] for name, curve in curves.items()}
        scores = {**losses, **{name: report[name] for name in names}}
        assert scores == pytest.approx(fold["scores"], rel=1e-12)
        expected.append([scores[name] for name in fold["scores"]])
    for word, values in (
        ("mean", np.mean(expected, axis=0)),
        ("std", np.std(expected, axis=0)),
    ):
        assert list(said.document[word].values()) == pytest.approx(values.tolist(), rel=1e-12)
        line = next(one for one in said.err.splitlines() if one.split()[:1] == [word])
        shown = [
            f"{value:.4f}"
            for name, value in said.document[word].items()
            if name not in {"validation_loss", "log_loss"}
        ]
        assert line.split()[3:] == shown
        assert len(line) < 80
    assert len([line for line in said.err.splitlines() if line.split()[:1] == ["1"]]) == 1


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many folds each group had that was trained side by side."""
    found: list[int] = []

    class Counted(SideBySide):
        def __init__(self, trainers: Sequence[Trainer]) -> None:
            found.append(len(trainers))
            super().__init__(trainers)

    monkeypatch.setattr(run, "SideBySide", Counted)
    return found


def one_after_another(monkeypatch: pytest.MonkeyPatch, *words: object) -> Said:
    with monkeypatch.context() as patch:
        patch.setattr(bursts, "MOST_LANES", 1)
        return call(*words)


@pytest.mark.parametrize(
    ("kind", "folds", "words"),
    [
        ("classes", 4, ("-e", 70)),
        ("classes", 5, ("--loss", "sse", "-a", 0.01, "--optimizer", "sgd")),
        ("classes", 4, ("--loss", "hinge", "-a", 0.1, "--l1", 0.01, "--optimizer", "momentum")),
        ("classes", 4, ("-a", 0.5, "--validation-size", 0.25, "--patience", 5)),
        ("classes", 4, ("-a", 2, "--patience", 7, "--class-weight", "balanced")),
        ("classes", 4, ("--hidden", "5,3", "--class-weight", "balanced", "-e", 70)),
        ("classes", 4, ("--gradient-norm", 0.01, "--schedule", "cosine")),
        ("iris", 4, ("--target-loss", 0.2, "--optimizer", "adam", "-a", 0.1)),
        ("iris", 4, ("--loss", "mse", "--hidden", 4, "-e", 70, "--dtype", "float32")),
        ("regression", 4, ("--l2", 0.1, "-e", 70)),
        ("regression", 7, ("--loss", "huber", "--validation-size", 9, "--patience", 3)),
        ("regression", 4, ("--loss", "mae", "--hidden", 6, "--optimizer", "rmsprop", "-e", 70)),
    ],
)
def test_folds_side_by_side_print_and_write_what_they_do_one_after_another(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sizes: list[int],
    kind: str,
    folds: int,
    words: tuple[object, ...],
) -> None:
    problem: tuple[object, ...] = ("iris",)
    if kind != "iris":
        problem = (write(tmp_path / "all.csv", *make(kind)), "--target", "y")
    argv = ("run", *problem, "--folds", folds, "-e", 300, "--seed", 3, *words, "--json", "-")
    said = call(*argv)
    assert sizes == [folds]
    expected = one_after_another(monkeypatch, *argv)
    assert sizes == [folds]
    assert (said.status, said.err) == (expected.status, expected.err)
    assert {**said.document, "seconds": 0} == {**expected.document, "seconds": 0}
    ends = {fold["epochs"] for fold in said.document["folds"]}
    stops = {"--patience", "--gradient-norm", "--target-loss"} & set(words)
    assert len(ends) > 1 if stops else ends == {said.document["config"]["epochs"]}


def test_a_fold_that_diverges_leaves_the_others_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    x, y = make("regression")
    x /= [1.0, 20.0, 300.0]
    parts = KFold(3, shuffle=True, random_state=42).split(x)
    # the curvature of a fold's loss is 2 · mean x², so α = 0.1 is too large with one row of 40
    x[next(test for _, test in parts)[0]] = 40.0
    path = write(tmp_path / "all.csv", x, y)
    words = ("-a", 0.1, "--no-standardize", "--optimizer", "sgd", "-e", 900, "--seed", 3)
    argv = ("run", path, "--target", "y", "--folds", 3, *words, "--json", "-")
    said, expected = call(*argv), one_after_another(monkeypatch, *argv)
    assert sizes == [3]
    assert (said.status, said.err) == (expected.status, expected.err)
    assert said.status == 1
    assert said.document["folds"] == expected.document["folds"]
    diverged = [fold["diverged"] for fold in said.document["folds"]]
    assert diverged[0] is None
    assert diverged[1] == said.document["folds"][1]["epochs"] < 900
    assert diverged[2] is not None
    train = next(KFold(3, shuffle=True, random_state=42).split(x))[0]
    exact = LinearRegression().fit(x[train], np.array(y)[train])
    ours = said.document["folds"][0]["weights"]
    assert ours == pytest.approx([*exact.coef_, exact.intercept_], rel=1e-9)


def test_folds_that_differ_or_are_large_are_trained_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    x, y = make("regression")
    path = write(tmp_path / "all.csv", x, y)
    rows = path.read_text().splitlines()
    place = ["a", "b", "c"] * 30
    place[next(KFold(3, shuffle=True, random_state=42).split(x))[1][0]] = "rare"
    (tmp_path / "places.csv").write_text(
        "\n".join(f"{row},{one}" for row, one in zip(rows, ["place", *place], strict=True))
    )
    for name, words, groups in (
        ("places.csv", (), [2]),  # the first fold has no row of "rare" to learn from
        ("all.csv", ("--batch-size", 8), []),
    ):
        argv = ("run", tmp_path / name, "--target", "y", "--folds", 3, "-e", 20, "--seed", 3)
        said = call(*argv, *words, "--json", "-")
        assert sizes == groups
        sizes.clear()
        expected = one_after_another(monkeypatch, *argv, *words, "--json", "-")
        assert (said.err, said.document["folds"]) == (expected.err, expected.document["folds"])
    lengths = [len(fold["weights"]) for fold in call(*argv, "--json", "-").document["folds"]]
    assert lengths == [4, 4, 4]
    sizes.clear()
    with monkeypatch.context() as patch:
        patch.setattr(bursts, "MOST_LANES", 4)
        call(*argv[:5], 10, *argv[6:])
    assert sizes == [4, 4, 2]
    sizes.clear()
    room = 60 * (4 + 3) * 8  # 60 rows of four numbers, and three buffers of one
    for size, groups in ((3 * room, [3]), (3 * room - 1, [2])):
        with monkeypatch.context() as patch:
            patch.setattr(bursts, "BLOCK_BYTES", size)
            call(*argv)
        assert sizes == groups
        sizes.clear()


def test_a_regression_reaches_what_scikit_learn_does(tmp_path: Path) -> None:
    x, y = make("regression")
    said = call("run", write(tmp_path / "all.csv", x, y), "--target", "y", "--folds", 5)
    theirs = cross_val_score(
        LinearRegression(), x, y, cv=KFold(5, shuffle=True, random_state=42), scoring="r2"
    )
    rows = {line.split()[0]: line.split() for line in said.out.splitlines()}
    assert [float(rows[str(i)][7]) for i in range(1, 6)] == pytest.approx(list(theirs), abs=1e-4)
    assert float(rows["mean"][5]) == pytest.approx(theirs.mean(), abs=1e-4)
    assert float(rows["std"][5]) == pytest.approx(theirs.std(), abs=1e-4)


def test_a_classification_reaches_what_logistic_regression_does(tmp_path: Path) -> None:
    x, y = make("classes")
    options = ("--target", "y", "--l2", 0.1, "-e", 3000, "--json", "-")
    said = call("run", write(tmp_path / "all.csv", x, y), *options, "--folds", 3)
    theirs = cross_validate(
        # l2 is 1 / (C · rows): 60 rows to train on
        make_pipeline(StandardScaler(), LogisticRegression(C=1 / 6, tol=1e-12, max_iter=1000)),
        x,
        np.array(y),
        cv=StratifiedKFold(3, shuffle=True, random_state=42),
        scoring=["accuracy", "roc_auc", "neg_log_loss"],
        return_train_score=True,
    )
    for name, score, sign in (
        ("accuracy", "accuracy", 1),
        ("roc_auc", "roc_auc", 1),
        ("log_loss", "neg_log_loss", -1),
        ("test_loss", "neg_log_loss", -1),
    ):
        numbers = sign * theirs[f"test_{score}"]
        ours = [fold["scores"][name] for fold in said.document["folds"]]
        assert ours == pytest.approx(numbers.tolist(), rel=1e-6)
        assert said.document["mean"][name] == pytest.approx(numbers.mean(), rel=1e-6)
        assert said.document["std"][name] == pytest.approx(numbers.std(), rel=1e-4, abs=1e-9)
    train = -theirs["train_neg_log_loss"]
    penalties = [0.05 * np.square(fold["weights"][:-1]).sum() for fold in said.document["folds"]]
    ours = [fold["scores"]["train_loss"] for fold in said.document["folds"]]
    assert ours == pytest.approx((train + penalties).tolist(), rel=1e-6)


def test_patience_looks_at_the_rows_that_a_fold_holds_out(tmp_path: Path) -> None:
    x, y = make("classes")
    path = write(tmp_path / "all.csv", x, y)
    words = ("run", path, "--target", "y", "--folds", 3, "-e", 400, "-a", 2, "--json", "-")
    said = call(*words, "--patience", 7)
    assert "--patience looks at the test rows" in said.err
    folds = said.document["folds"]
    assert any(fold["epochs"] < 400 for fold in folds)
    for fold in folds:
        if fold["epochs"] < 400:
            assert fold["epochs"] - fold["least_epoch"] == 7
        assert fold["best_epoch"] == fold["epochs"]


@pytest.mark.parametrize("kind", ["classes", "regression"])
def test_a_race_chooses_by_the_mean_loss_on_the_rows_that_folds_hold_out(
    tmp_path: Path, kind: str
) -> None:
    x, y = make(kind)
    options = (
        "--target",
        "y",
        "-e",
        25,
        "--seed",
        3,
        "-a",
        "0.001,0.05,0.2,0.7,1e9",
        "--json",
        "-",
    )
    said = call("race", write(tmp_path / "all.csv", x, y), *options, "--folds", FOLDS)
    found = said.document
    assert f"5 lanes, 25 epochs, start loss {found['start_loss']:.8g}, mean of 4 folds" in said.err
    parts = StratifiedKFold if kind == "classes" else KFold
    races = []
    for train, test in parts(FOLDS, shuffle=True, random_state=42).split(x, y):
        one = write(tmp_path / "train.csv", x[train], [y[i] for i in train])
        other = write(tmp_path / "test.csv", x[test], [y[i] for i in test])
        races.append(call("race", one, "--test", other, *options).document)
    for ours, name in (("train_loss", "train_loss"), ("validation_loss", "test_loss")):
        each = [[lane[name] or np.nan for lane in race["lanes"]] for race in races]
        numbers = np.mean(each, axis=0)
        mine = [lane[ours] or np.nan for lane in found["lanes"]]
        assert mine == pytest.approx(numbers.tolist(), rel=1e-12, nan_ok=True)
    assert found["best_validation"] == np.nanargmin(numbers)
    assert found["advised"] == found["best_validation"]
    assert found["folds"] == FOLDS
    failed = [race["lanes"][-1]["diverged"] for race in races]
    if None not in failed:
        assert found["lanes"][-1]["diverged"] == min(failed)
    assert found["lanes"][-1]["diverged"] is not None or found["lanes"][-1]["ended_higher"]


def test_a_race_of_optimizers_over_folds_gives_each_its_best_mean(tmp_path: Path) -> None:
    x, y = make("classes")
    path = write(tmp_path / "all.csv", x, y)
    rates = ("-a", "0.01,0.1,1", "-e", 20, "--target", "y", "--seed", 3, "--folds", 3, "--json")
    said = call("race", path, *rates, "-", "--optimizer", "sgd,adam")
    found, lines = said.document, said.err.splitlines()
    alone = [
        call("race", path, *rates, "-", "--optimizer", name).document for name in ("sgd", "adam")
    ]
    assert [lane["validation_loss"] for lane in found["lanes"]] == [
        lane["validation_loss"] for one in alone for lane in one["lanes"]
    ]
    best = [one["lanes"][one["best_validation"]] for one in alone]
    for lane in best:
        (line,) = (line for line in lines if line.split()[:1] == [lane["optimizer"]])
        assert line.split()[1:4] == [
            f"{lane['alpha']:.6g}",
            f"{lane['train_loss']:.8g}",
            f"{lane['validation_loss']:.8g}",
        ]
    advised = found["lanes"][found["advised"]]
    assert advised["validation_loss"] == min(lane["validation_loss"] for lane in best)
    assert f"best: alpha={advised['alpha']:g}, optimizer={advised['optimizer']}" in lines[-1]


@pytest.mark.parametrize("command", ["run", "race"])
@pytest.mark.parametrize("ending", ["csv", "svm"])
def test_a_file_is_read_once_for_all_folds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, ending: str
) -> None:
    x, y = make("classes")
    path, target = write(tmp_path / "all.csv", x, y), ("--target", "y")
    if ending == "svm":
        path, target = tmp_path / "all.svm", ()
        dump_svmlight_file(x, np.array(y) == "yes", str(path))
    module, reader = (files, "read_table") if ending == "csv" else (arrays, "_read_svmlight")
    read, times = getattr(module, reader), []

    def counted(*arguments: object, **more: object) -> object:
        times.append(1)
        return read(*arguments, **more)

    monkeypatch.setattr(module, reader, counted)
    said = call(command, path, *target, "--folds", 4, "-e", 2, "--json", "-")
    assert said.status == 0
    assert said.document["folds"] == 4 if command == "race" else len(said.document["folds"]) == 4
    assert len(times) == 1


def test_arrays_with_test_rows_of_their_own_have_no_folds(tmp_path: Path) -> None:
    x, y = make("regression")
    names = ("x_train", "y_train", "x_test", "y_test")
    np.savez(tmp_path / "t.npz", **dict(zip(names, (x, y, x, y), strict=True)))
    said = call("run", tmp_path / "t.npz", "--folds", 3)
    assert said.status == 2
    assert said.err.endswith("t.npz: has its own test rows: leave --folds out\n")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--validation-size", 0.2), "--folds: every row is held out in one of the folds: leave"),
        (("--test-size", 0.2), "--folds: every row is held out in one of the folds: leave"),
        (("surface:booth",), "a surface has no rows: leave --folds out"),
    ],
)
def test_what_a_race_over_folds_cannot_have_is_refused(
    words: tuple[object, ...], reason: str
) -> None:
    said = call("race", *words, "--folds", 3)
    assert (said.status, said.out) == (2, "")
    assert reason in said.err


def test_an_interrupt_prints_what_the_finished_folds_say() -> None:
    with started("run", "iris", "--folds", "50", "-e", "20000") as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    rows = [line.split() for line in [*lines, *out.splitlines()] if "INFO" not in line]
    finished = [row for row in rows if row[0].isdecimal()]
    assert 1 <= len(finished) < 50
    (mean,) = (row for row in rows if row[0] == "mean")
    accuracies = [float(row[7]) for row in finished]
    assert float(mean[5]) == pytest.approx(np.mean(accuracies), abs=1e-4)
    assert err == f"gd-tui: interrupted: {len(finished)} of 50 folds finished\n"


def test_an_interrupt_stops_folds_that_are_side_by_side_at_one_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "all.csv", *make("classes"))
    argv = ("run", path, "--target", "y", "--folds", 4, "--seed", 3, "-a", 0.1, "-e")
    epochs: list[int] = []

    @contextmanager
    def pressing(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
        def show(epoch: int, last: int) -> None:
            assert (what, unit, last) == ("folds 1 to 4 of 4", "epochs", 10**9)
            epochs.append(epoch)
            if epoch > 100:
                signal.raise_signal(signal.SIGINT)

        yield show

    with monkeypatch.context() as patch:
        patch.setattr(run, "progress", pressing)
        said = call(*argv, 10**9)
    assert said.status == 130
    end = epochs[-1]
    assert epochs[-2] <= 100 < end
    note = "gd-tui: interrupted: 0 of 4 folds finished, 4 stopped together at epoch"
    assert said.err.splitlines()[-1] == f"{note} {end}"
    # the first line names the number of epochs
    assert said.out.splitlines()[1:] == call(*argv, end).out.splitlines()[1:]


def test_an_interrupt_leaves_folds_out_that_are_not_as_far_as_the_finished_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "all.csv", *make("classes"))
    argv = ("run", path, "--target", "y", "--folds", 5, "--seed", 3, "-e", 200)

    @contextmanager
    def pressing(what: str, _: str) -> Iterator[Callable[[int, int], None]]:
        yield lambda *_: signal.raise_signal(signal.SIGINT) if what == "folds 4 to 5 of 5" else None

    with monkeypatch.context() as patch:
        patch.setattr(run, "progress", pressing)
        patch.setattr(bursts, "MOST_LANES", 3)
        said = call(*argv)
    assert said.status == 130
    assert said.err.splitlines()[-1] == "gd-tui: interrupted: 3 of 5 folds finished"
    numbers = [line.split()[-1] for line in said.out.splitlines()[-5:]]
    assert float(numbers[3]) == pytest.approx(np.mean([*map(float, numbers[:3])]), abs=1e-4)


@pytest.mark.parametrize("words", [("iris", "--folds", 5), ("--plain", "iris", "--folds=5")])
def test_the_interface_says_which_command_has_folds(words: tuple[object, ...]) -> None:
    said = call(*words)
    assert (said.status, said.out) == (2, "")
    rest = " ".join(str(word) for word in words if word != "--plain")
    assert f"--folds is for gd-tui run {rest} " in said.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--test-size", 0.3), "--folds: every row is tested on in one of the folds: leave"),
        (("-a", "0.1,0.2"), "--folds trains one lane in each fold: name one -a"),
        (("--resume", "3f9a"), "--folds: a run that has begun is not cross-validated"),
        (("--samples", 4), "are too few for 3 folds; take fewer folds"),
        (("surface:booth",), "a surface has no rows: leave --folds out"),
    ],
)
def test_what_cannot_be_cross_validated_is_refused(words: tuple[object, ...], reason: str) -> None:
    said = call("run", *words, "--folds", 3)
    assert (said.status, said.out) == (2, "")
    assert reason in said.err
    assert call("run", "--folds", 1).status == 2


def test_a_fold_that_diverges_ends_with_status_1() -> None:
    said = call("run", "plane", "--no-standardize", "-a", 1e9, "--folds", 2, "--optimizer", "sgd")
    assert said.status == 1
    assert "diverged: in fold 1, 2; try a smaller -a" in said.err


def test_nothing_is_kept() -> None:
    call("run", "iris", "--folds", 2, "-e", 3)
    assert "no runs" in call("runs").out + call("runs").err
