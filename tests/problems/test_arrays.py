"""Problems from numpy's files: read and split as all others, or mapped and left in place."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from tui_gd.errors import ProblemError
from tui_gd.problems import Problem, arrays
from tui_gd.problems.arrays import read_arrays
from tui_gd.problems.files import read_file
from tui_gd.problems.reading import Reading
from tui_gd.problems.split import Preparation
from tui_gd.training.trainer import Trainer

AS_USUAL, AS_IT_IS = Preparation(), Reading()


def load_arrays(path: str, target: str | None = None, how: Preparation = AS_USUAL) -> Problem:
    return read_arrays(path, target, test=None, reading=AS_IT_IS)(how)


def table(rows: int = 3000, dtype: str = "float32") -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((rows, 4)).astype(dtype)
    return x, np.where(x[:, 0] + 0.3 * rng.standard_normal(rows) > 0, 7, -2)


def saved(folder: Path, x: np.ndarray, y: np.ndarray) -> tuple[str, str]:
    np.save(folder / "X.npy", x)
    np.save(folder / "y.npy", y)
    return str(folder / "X.npy"), str(folder / "y.npy")


def test_a_pair_is_split_as_the_tutorial_splits(tmp_path: Path) -> None:
    x, y = table()
    problem = load_arrays(*saved(tmp_path, x, y), Preparation(0.5))
    ones = np.hstack([x.astype(float), np.ones((len(x), 1))])
    theirs = train_test_split(ones, y, test_size=0.5, random_state=42)
    assert np.array_equal(problem.x_train, theirs[0])
    assert np.array_equal(problem.x_test, theirs[1])
    assert np.array_equal(problem.y_train, theirs[2] == 7)
    assert problem.class_names == ("-2", "7")
    assert problem.task == "binary"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_is_the_same_problem_as_the_pair(tmp_path: Path, save: object) -> None:
    x, y = table()
    save(tmp_path / "data.npz", X=x, y=y)  # type: ignore[operator]
    one = load_arrays(str(tmp_path / "data.npz"), None, Preparation(0.3))
    pair = load_arrays(*saved(tmp_path, x, y), Preparation(0.3))
    assert np.array_equal(one.x_train, pair.x_train)
    assert np.array_equal(one.y_test, pair.y_test)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["npy", "npz"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int16"])
def test_a_large_one_stays_in_its_file_and_trains_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, kind: str, order: str
) -> None:
    monkeypatch.setattr(arrays, "MAPPED_BYTES", 0)
    x, y = table(70_000)
    x = np.asarray(x * (100 if dtype == "int16" else 1), dtype=dtype, order=order)  # type: ignore[call-overload]
    if kind == "npy":
        problem = load_arrays(*saved(tmp_path, x, y), Preparation(0.25))
    else:
        np.savez(tmp_path / "data.npz", X=x, y=y)
        problem = load_arrays(str(tmp_path / "data.npz"), None, Preparation(0.25))
    assert isinstance(problem.x_train, np.memmap)
    assert len(problem.y_train) == 52_500
    trainer = Trainer(problem, loss="cross-entropy", learning_rates=[1e-4, 1e-5], seed=5)
    trainer.advance(5)
    ones = np.hstack([x[:52_500].astype(float), np.ones((52_500, 1))])
    target = (y[:52_500] == 7).astype(float)
    for lane, rate in enumerate((1e-4, 1e-5)):
        w = np.random.default_rng(5).standard_normal(5)
        for _ in range(5):
            z = ones @ w
            p = np.where(z > 0, 1 / (1 + np.exp(-np.abs(z))), 1 - 1 / (1 + np.exp(-np.abs(z))))
            w -= rate * ones.T @ (p - target) / len(target)
        np.testing.assert_allclose(trainer.weights[lane], w, rtol=1e-9)


def test_a_mapped_file_is_not_read_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "MAPPED_BYTES", 0)
    x, y = table(600_000)
    paths = saved(tmp_path, x, y)
    del x
    tracemalloc.start()
    trainer = Trainer(load_arrays(*paths), learning_rates=[1e-6], seed=1, threads=2)
    trainer.advance(2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # y is 4.8 MB and read; X is 9.6 MB in its file, 24 MB in float64 with ones
    assert peak < 22e6


def test_arrays_are_read_once_for_all_folds(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 3)), rng.integers(0, 2, 40)
    path = tmp_path / "data.npz"
    np.savez(path, X=x, y=y)
    hows = [Preparation(fold=(number, 4)) for number in range(4)]
    wanted = load_arrays(str(path), None, hows[-1])
    make = read_file(str(path))
    path.unlink()
    folds = [make(how) for how in hows]
    np.testing.assert_array_equal(folds[-1].x_train, wanted.x_train)
    tested = np.concatenate([fold.x_test[:, :-1] for fold in folds])
    np.testing.assert_allclose(np.sort(tested, axis=0), np.sort(x, axis=0))


def test_numbers_of_many_kinds_are_a_regression(tmp_path: Path) -> None:
    x, _ = table()
    problem = load_arrays(*saved(tmp_path, x, x[:, 1] * 2), Preparation(0.5))
    assert problem.task == "regression"
    assert problem.y_train.dtype == np.float64


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (np.ones((5, 2)), np.ones(4), "a row each"),
        (np.ones(5), np.ones(5), "2 dimensions"),
        (np.ones((5, 2)), np.ones((5, 2)), "1 dimension"),
        (np.array([["a", "b"]] * 5), np.arange(5), "numbers"),
        (np.array([[1, 2], [np.inf, 1]] * 3), np.arange(6.0), "row 1 "),
        (np.ones((4, 2)), np.array([0, 1, np.inf, 1]), "row 2 "),
        (np.ones((5, 0)), np.ones(5), "shape (5, 0)"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    tmp_path: Path, x: np.ndarray, y: np.ndarray, says: str
) -> None:
    with pytest.raises(ProblemError) as refused:
        load_arrays(*saved(tmp_path, x, y), Preparation(0.5))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_files_that_are_none_are_refused_in_one_line(tmp_path: Path) -> None:
    x, y = table(50)
    good = saved(tmp_path, x, y)
    (tmp_path / "text.npy").write_text("1,2,3")
    (tmp_path / "empty.npz").write_bytes(b"")
    np.savez(tmp_path / "other.npz", a=x)
    np.save(tmp_path / "objects.npy", np.array([None, 1]), allow_pickle=True)
    whole = (tmp_path / "X.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[: len(whole) // 2])
    for name in ("text.npy", "none.npy", "objects.npy", "cut.npy", "empty.npz", "other.npz"):
        with pytest.raises(ProblemError) as refused:
            load_arrays(str(tmp_path / name), good[1])
        assert name in str(refused.value)
        assert "\n" not in str(refused.value)
    with pytest.raises(ProblemError, match="--target"):
        load_arrays(good[0], None)
