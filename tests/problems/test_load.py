"""`load_problem`: the same problem from a name, a file, a data frame or arrays."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix
from sklearn.model_selection import train_test_split

from tests.problems.tabling import customers, written
from tui_gd import load_problem
from tui_gd.errors import ProblemError, TargetMissing
from tui_gd.problems import Problem

X = np.random.default_rng(5).standard_normal((40, 3))
Y = (X[:, 0] > 0).astype(int)


def same(one: Problem, other: Problem) -> None:
    assert (one.task, one.class_names, one.feature_names) == (
        other.task,
        other.class_names,
        other.feature_names,
    )
    for name in ("x_train", "y_train", "x_test", "y_test"):
        ours, theirs = getattr(one, name), getattr(other, name)
        # numpy 2.2 sums columns in another order where they lie otherwise in memory
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_a_data_frame_is_the_problem_of_its_file(tmp_path: Path, kind: str) -> None:
    frame = customers()
    path = written(frame, tmp_path / "churn.csv")
    made = {"pandas": lambda: pd.read_csv(path), "polars": lambda: pl.read_csv(path)}
    data = pa.Table.from_pandas(pd.read_csv(path)) if kind == "arrow" else made[kind]()
    options = {"drop": ["customer"], "standardize": True, "stratify": True, "split_seed": 3}
    of_file = load_problem(path, "churn", **options)
    same(load_problem(data, "churn", **options), of_file)
    for ours, theirs in zip(
        load_problem(data, "churn").rules, load_problem(path, "churn").rules, strict=True
    ):
        assert replace(ours, fill=None) == replace(theirs, fill=None)
        assert ours.fill == (theirs.fill if theirs.fill is None else pytest.approx(theirs.fill))
    number = list(frame.columns).index("churn") + 1
    same(load_problem(data, number, **options), of_file)


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_rows_to_test_on_are_a_frame_of_the_same_columns(kind) -> None:
    columns = {"b": X[:, 1], "a": X[:, 0], "y": Y}
    train, test = kind(columns), kind({"y": Y[:9], "a": X[:9, 0], "b": X[:9, 1]})
    problem = load_problem(train, "y", test=test)
    np.testing.assert_array_equal(problem.x_test[:, :2], X[:9, [1, 0]])
    np.testing.assert_array_equal(problem.x_train[:, :2], X[:, [1, 0]])


def test_arrays_are_split_as_scikit_learn_does() -> None:
    problem = load_problem((X, Y), test_size=0.25, split_seed=7)
    x_train, x_test, y_train, y_test = train_test_split(X, Y, test_size=0.25, random_state=7)
    np.testing.assert_array_equal(problem.x_train, np.c_[x_train, np.ones(30)])
    np.testing.assert_array_equal(problem.x_test, np.c_[x_test, np.ones(10)])
    np.testing.assert_array_equal(problem.y_train, y_train)
    np.testing.assert_array_equal(problem.y_test, y_test)
    assert problem.task == "binary"


@pytest.mark.parametrize(
    "data",
    [
        (X.tolist(), Y.tolist()),
        [X, Y],
        (csr_matrix(X), Y),
        (X, Y.astype(float)),
        (X, Y.astype(bool)),
        (X, pd.Series(Y)),
        (X, pl.Series(Y)),
        (X, Y[:, None]),
        (pd.DataFrame(X, columns=["x1", "x2", "x3"]), Y),
        (pl.DataFrame(X, schema=["x1", "x2", "x3"]), pl.Series(Y)),
    ],
)
def test_arrays_of_all_kinds_are_the_same_problem(data) -> None:
    problem, wanted = load_problem(data), load_problem((X, Y))
    for name in ("x_train", "y_train", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(problem, name), getattr(wanted, name))
    assert problem.feature_names == wanted.feature_names == ("x1", "x2", "x3")


def test_texts_are_classes_and_other_numbers_a_regression() -> None:
    names = np.array(["no", "yes"])[Y]
    for y in (names, names.astype(object), list(names), pd.Series(names)):
        problem = load_problem((X, y))
        assert problem.class_names == ("no", "yes")
        np.testing.assert_array_equal(problem.y_train, load_problem((X, Y)).y_train)
    assert load_problem((X, X @ [1.0, 2.0, 3.0])).task == "regression"
    assert load_problem((X, Y), task="regression").task == "regression"


def test_a_pair_has_a_pair_to_test_on() -> None:
    for x in (X, pd.DataFrame(X)):
        more = x[:6] if x is X else x.iloc[:6]
        problem = load_problem((x, Y), test=(more, Y[:6]))
        np.testing.assert_array_equal(problem.x_test[:, :3], X[:6])
        np.testing.assert_array_equal(problem.y_test, Y[:6])


def test_names_paths_and_surfaces_are_what_they_were(tmp_path: Path) -> None:
    same(load_problem("moons", samples=60, noise=0.1), load_problem("moons", samples=60, noise=0.1))
    path = Path(written(customers(), tmp_path / "churn.csv"))
    same(load_problem(path, "churn"), load_problem(str(path), target="churn"))
    surface = load_problem("surface:booth").surface
    assert surface
    assert surface.name == "surface:booth"


@pytest.mark.parametrize(
    ("data", "options", "part"),
    [
        ("nosuch", {}, "unknown problem 'nosuch'"),
        ("mons", {}, "did you mean moons?"),
        ("blobs", {"target": "y"}, "leave target out"),
        ("blobs", {"stratify": True}, "leave stratify out"),
        ("surface:booth", {"samples": 3}, "samples"),
        ("nosuch.csv", {"target": "y"}, "no such file"),
        ("nosuch.csv", {"target": "y", "samples": 3}, "leave samples out"),
        ((X, Y), {"noise": 0.1}, "leave noise out"),
        ((X, Y), {"target": "y"}, "leave target out"),
        ((X, Y), {"drop": ["a"]}, "leave drop out"),
        ((X, Y[:5]), {}, "40"),
        ((X[:, 0], Y), {}, "shape"),
        ((X, np.ones(40)), {}, "nothing to learn"),
        ((np.where(X > 2, np.inf, X), Y), {}, "row 19 (from 0), column 1 of X is not finite"),
        ((X, Y), {"test": (X[:, :2], Y)}, "2 features"),
        ((X, Y), {"test_size": 1.0}, "between 0 and 1"),
        ((pd.DataFrame(X), Y[:3]), {}, "40 rows"),
        ((pd.DataFrame({"y": Y}), Y), {}, "rename"),
        (pd.DataFrame({"a": Y, "b": Y}), {"target": "c"}, "no column 'c'"),
        (pd.DataFrame({"a": [1j, 2j], "b": [0, 1]}), {"target": "b"}, "data frame"),
        (pd.DataFrame(), {"target": "b"}, "no columns"),
        (pd.DataFrame({"a": [], "b": []}), {"target": "b"}, "no rows"),
        (3, {}, "int is neither"),
        ((X, Y, Y), {}, "tuple is neither"),
        (None, {}, "NoneType is neither"),
    ],
)
def test_data_without_anything_to_learn_are_refused_in_one_line(data, options, part: str) -> None:
    with pytest.raises(ProblemError) as caught:
        load_problem(data, **options)
    assert "\n" not in str(caught.value)
    assert part in str(caught.value)


def test_a_frame_without_a_target_names_its_columns() -> None:
    with pytest.raises(TargetMissing) as caught:
        load_problem(pd.DataFrame({"a": Y, "b": Y}))
    assert caught.value.columns == ("a", "b")


def test_the_frame_and_the_arrays_stay_as_they_were() -> None:
    frame, x = pd.DataFrame({"a": X[:, 0], "y": Y}), X.copy()
    load_problem(frame, "y", standardize=True)
    load_problem((x, Y), standardize=True)
    np.testing.assert_array_equal(frame["a"], X[:, 0])
    np.testing.assert_array_equal(x, X)


class Without:
    """An importer that finds one package missing."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(self, name: str, *_: object) -> None:
        if name == self._package:
            raise ModuleNotFoundError(name)


def test_without_pyarrow_a_table_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(customers(), tmp_path / "churn.csv")
    frame = pl.DataFrame({"age": Y, "churn": Y})
    monkeypatch.delitem(sys.modules, "pyarrow")
    monkeypatch.setattr(sys, "meta_path", [Without("pyarrow"), *sys.meta_path])
    for data in (path, frame):
        with pytest.raises(ProblemError, match="pyarrow, which is missing: pip install pyarrow"):
            load_problem(data, "churn")
    assert load_problem((X, Y)).task == "binary"
    assert load_problem("iris").task == "multiclass"
