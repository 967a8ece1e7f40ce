"""Problems from files: how rows are split, a second file to test on, svmlight, standard input."""

import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import dump_svmlight_file
from sklearn.model_selection import train_test_split

from tests.problems.tabling import customers, written
from tui_gd.errors import ProblemError
from tui_gd.problems import input_file, sources
from tui_gd.problems.files import load_file
from tui_gd.problems.split import Preparation, reorder
from tui_gd.session.settings import RunSettings


def frame(rows: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    table = pd.DataFrame(rng.standard_normal((rows, 3)), columns=["a", "b", "c"])
    table["y"] = np.array(["p", "q", "q", "q", "r"])[np.arange(rows) % 5]
    return table


@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize(("test_size", "seed"), [(0.5, 42), (0.3, 7), (0.91, 0)])
def test_rows_are_split_as_scikit_learn_splits_them(
    tmp_path: Path, test_size: float, seed: int, stratify: bool
) -> None:
    table = frame()
    problem = load_file(
        written(table, tmp_path / "t.csv"),
        "y",
        how=Preparation(test_size, seed, stratify),
    )
    train, test = train_test_split(
        table, test_size=test_size, random_state=seed, stratify=table["y"] if stratify else None
    )
    names = np.array(problem.class_names)
    for x, y, theirs in (
        (problem.x_train, problem.y_train, train),
        (problem.x_test, problem.y_test, test),
    ):
        np.testing.assert_allclose(x[:, :-1], theirs[["a", "b", "c"]], rtol=1e-15)
        assert (x[:, -1] == 1.0).all()
        assert (names[y] == theirs["y"]).all()


@pytest.mark.parametrize("rows", [1, 2, 7, 1000, 30_011])
def test_rows_change_places_without_a_copy(rows: int) -> None:
    rng = np.random.default_rng(rows)
    values = rng.standard_normal((rows, 40))
    for order in (rng.permutation(rows), np.arange(rows)[::-1], np.arange(rows)):
        wanted = values[order]
        reorder(values, order)
        assert np.array_equal(values, wanted)


def test_the_target_may_stand_anywhere_and_be_named_by_its_number(tmp_path: Path) -> None:
    table = frame()
    last = load_file(written(table, tmp_path / "t.csv"), "y")
    path = written(table[["a", "y", "b", "c"]], tmp_path / "m.csv")
    for target in ("y", " y ", "2"):
        problem = load_file(path, target)
        assert np.array_equal(problem.x_train, last.x_train)
        assert np.array_equal(problem.y_test, last.y_test)
        assert problem.target_name == "y"


@pytest.mark.parametrize("name", ["two.csv", "two.parquet", "two.jsonl"])
def test_a_second_file_is_tested_on(tmp_path: Path, name: str) -> None:
    one, two = customers(400, seed=1), customers(300, seed=2)
    two.loc[3, "n5"] = np.nan
    two.loc[4, "city"] = "Nowhere"
    two["more"] = "and more"
    shuffled = two[list(two.columns)[::-1]]
    problem = load_file(
        written(one, tmp_path / "one.csv"), "churn", test=written(shuffled, tmp_path / name)
    )
    assert len(problem.y_train) == 400
    assert len(problem.y_test) == 300
    names = list(problem.feature_names)
    np.testing.assert_allclose(problem.x_train[:, names.index("n0")], one["n0"], rtol=1e-12)
    np.testing.assert_allclose(
        problem.x_test[:, names.index("n0")], two["n0"], rtol=1e-7, atol=1e-10
    )
    for city in ("Bonn", "Köln", "Ulm"):
        column = problem.x_test[:, names.index(f"city={city}")]
        assert np.array_equal(column, two["city"] == city)
    assert problem.x_test[3, names.index("n5")] == pytest.approx(one["n5"].median(), rel=1e-12)
    assert np.array_equal(problem.y_test, two["churn"] == "yes")
    assert problem.x_test[
        4, [i for i, name in enumerate(names) if name.startswith("city=")]
    ].sum() in {0, 1}


def test_a_second_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    table = frame()
    one = written(table, tmp_path / "one.csv")

    def refused(other: pd.DataFrame) -> str:
        with pytest.raises(ProblemError) as error:
            load_file(one, "y", test=written(other, tmp_path / "two.csv"))
        assert "two.csv" in str(error.value)
        return str(error.value)

    assert "no column 'b'" in refused(table.drop(columns="b"))
    assert "row 2, column 'y': 'new'" in refused(table.assign(y=["p", "new", *["p"] * 88]))
    typed = table.assign(a=table["a"].astype(object))
    typed.loc[4, "a"] = "oops"
    assert "row 5 (line 6), column 'a': 'oops' is not a number" in refused(typed)
    assert "no column 'y'" in refused(table.drop(columns="y"))
    with pytest.raises(ProblemError, match="no such file"):
        load_file(one, "y", test=str(tmp_path / "none.csv"))


def test_classes_of_one_row_cannot_be_stratified(tmp_path: Path) -> None:
    table = frame()
    table.loc[0, "y"] = "once"
    path = written(table, tmp_path / "t.csv")
    with pytest.raises(ProblemError, match="class 'once' has only one row"):
        load_file(path, "y", how=Preparation(stratify=True))
    with pytest.raises(ProblemError, match="needs classes"):
        load_file(path, "a", how=Preparation(stratify=True))


def test_svmlight_is_the_table_that_it_means(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((80, 5)) * (rng.random((80, 5)) < 0.4)
    x[0] = 1.0
    y = np.where(x[:, 0] > 0, 1, -1)
    dump_svmlight_file(x, y, str(tmp_path / "t.svm"), zero_based=False)
    problem = load_file(str(tmp_path / "t.svm"))
    x_train, _, y_train, _ = train_test_split(x, y, test_size=0.5, random_state=42)
    np.testing.assert_allclose(problem.x_train[:, :-1], x_train, rtol=1e-12)
    assert np.array_equal(problem.y_train, y_train == 1)
    assert problem.class_names == ("-1", "1")
    dump_svmlight_file(x[:20, :3], y[:20], str(tmp_path / "u.svm"), zero_based=False)
    other = load_file(str(tmp_path / "t.svm"), test=str(tmp_path / "u.svm"))
    np.testing.assert_allclose(other.x_test[:, :3], x[:20, :3], rtol=1e-12)
    assert (other.x_test[:, 3:5] == 0).all()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hello\n", "svmlight"),
        ("1 1:1 999999999:2\n0 1:2\n", "999,999,999 features"),
        ("1 1:-inf\n0 1:2\n", "not finite"),
        ("1 1:inf\n0 1:2\n", "not finite"),
        ("", "empty"),
        ("# only words\n", "no rows"),
    ],
)
def test_svmlight_at_fault_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "t.svm").write_text(text)
    with pytest.raises(ProblemError, match=says):
        load_file(str(tmp_path / "t.svm"))


def test_an_npz_takes_another_one_to_test_on_stratify_and_task(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 3)), np.repeat([0, 1, 1, 2, 2, 2], 10)
    np.savez(tmp_path / "one.npz", X=x, y=y)
    np.savez(tmp_path / "two.npz", X=x[:7] + 1, y=y[:7])
    one = str(tmp_path / "one.npz")
    problem = load_file(one, test=str(tmp_path / "two.npz"))
    assert np.array_equal(problem.x_train[:, :-1], x)
    assert np.array_equal(problem.x_test[:, :-1], x[:7] + 1)
    theirs = train_test_split(x, y, test_size=0.5, random_state=42, stratify=y)
    assert np.array_equal(load_file(one, how=Preparation(stratify=True)).x_test[:, :-1], theirs[1])
    assert load_file(one, how=Preparation(task="regression")).task == "regression"
    with pytest.raises(ProblemError, match="--target"):
        load_file(one, "y")


def test_columns_that_are_dropped_are_not_read(tmp_path: Path) -> None:
    table = frame()
    table.insert(1, "when", pd.date_range("2026-01-01", periods=len(table)).astype(str))
    path = written(table, tmp_path / "t.csv")
    with pytest.raises(ProblemError, match=r"column .when. holds dates.*--drop"):
        load_file(path, "y", how=Preparation(dates="refuse"))
    without = load_file(written(frame()[["a", "c", "y"]], tmp_path / "less.csv"), "y")
    for drop in (["when", "b"], ["2", "b"], ["b", "3", "when"]):  # by name or by number from 1
        problem = load_file(path, "y", drop=drop)
        assert problem.feature_names == ("a", "c")
        assert np.array_equal(problem.x_train, without.x_train)
    test = written(frame()[["y", "c", "a"]], tmp_path / "test.csv")
    assert len(load_file(path, "y", drop=["when", "b"], test=test).y_test) == len(frame())
    notes = {note.name: note.done for note in problem.about}
    assert notes["when"] == notes["b"] == "left out: --drop"
    assert list(notes)[-1] == "y"
    for drop, says in ((["y"], "is the target"), (["d"], "no column 'd'")):
        with pytest.raises(ProblemError, match=says):
            load_file(path, "y", drop=drop)
    np.savez(tmp_path / "one.npz", X=np.eye(4), y=[0, 1, 0, 1])
    with pytest.raises(ProblemError, match="leave --drop out"):
        load_file(str(tmp_path / "one.npz"), drop=["1"])


def test_standard_input_is_read_once_and_is_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(written(frame(), tmp_path / "t.csv.gz"))
    input_file._spooled.cache_clear()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    try:
        for _ in range(2):
            problem = load_file("-", "y")
            assert np.array_equal(problem.x_train, load_file(str(path), "y").x_train)
            assert problem.name == "standard input"
    finally:
        input_file._spooled().close()
        input_file._spooled.cache_clear()


def test_settings_name_files_and_refuse_what_is_for_others(tmp_path: Path) -> None:
    path = written(frame(), tmp_path / "t.csv")
    settings = RunSettings(problem=path, target="y", stratify=True)
    assert settings.load_problem().task == "multiclass"
    for changed, says in (
        ({"problem": path, "target": "y", "samples": 100}, "--samples"),
        ({"problem": "blobs", "target": "y"}, "--target"),
        ({"problem": "blobs", "stratify": True}, "--stratify"),
        ({"problem": path, "target": "y", "test": path, "test_size": 0.3}, "--test-size"),
        ({"problem": path, "target": "y", "test": path, "stratify": True}, "--stratify"),
    ):
        with pytest.raises(ProblemError, match=says):
            RunSettings(**changed).load_problem()  # type: ignore[arg-type]
    one, two = RunSettings(problem=path, target="y"), RunSettings(problem=path, target="a")
    assert one.data != two.data


def test_the_built_in_problems_come_before_files_of_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(frame(), tmp_path / "t.csv")
    (tmp_path / "t.csv").rename("iris")
    assert RunSettings(problem="iris").load_problem().features == 4
    assert RunSettings(problem="./iris", target="y").load_problem().features == 3


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "feather"])
def test_more_columns_than_can_be_learned_from_are_refused_by_their_number(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(frame(), tmp_path / f"t.{ending}")
    assert load_file(path, "y").features == 3
    monkeypatch.setattr(sources, "MOST_COLUMNS", 3)
    with pytest.raises(ProblemError, match="has 4 columns, more than 3: take fewer"):
        load_file(path, "y")
