"""What is done to the columns: scikit-learn's transformers, fitted on the train rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.problems.tabling import customers, written
from tui_gd.errors import ProblemError
from tui_gd.problems import Problem
from tui_gd.problems.files import load_file
from tui_gd.problems.split import Preparation
from tui_gd.training.trainer import Trainer

TEXTS = ["contract", "city"]


def transformer(frame: pd.DataFrame, train_rows: int) -> ColumnTransformer:
    """The same, all columns at once and from pandas."""
    numbers = [name for name in frame if name not in {*TEXTS, "customer", "churn"}]
    rare = max(2, int(np.ceil(train_rows / 100)))
    return ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median", add_indicator=True), numbers),
            (
                "texts",
                OneHotEncoder(
                    handle_unknown="infrequent_if_exist",
                    min_frequency=rare,
                    max_categories=50,
                    sparse_output=False,
                ),
                TEXTS,
            ),
        ]
    )


def sorted_columns(x: np.ndarray) -> np.ndarray:
    """The columns in an order that does not depend on theirs."""
    return x[:, np.lexsort(x[:40])]


def load(frame: pd.DataFrame, folder: Path, target: str = "y", **options: object) -> Problem:
    how = Preparation(**options)  # type: ignore[arg-type]
    return load_file(written(frame, folder / "t.csv"), target, how=how)


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.jsonl"])
def test_the_features_are_those_of_one_transformer_on_all_columns(
    tmp_path: Path, name: str
) -> None:
    frame = customers()
    problem = load_file(written(frame, tmp_path / name), "churn")
    if name == "t.jsonl":  # pandas writes ten digits
        frame = pd.read_json(tmp_path / name, lines=True)
    train, test = train_test_split(frame, test_size=0.5, random_state=42)
    theirs = transformer(frame, len(train)).fit(train)
    for mine, rows in ((problem.x_train, train), (problem.x_test, test)):
        wanted = np.asarray(theirs.transform(rows), float)
        assert mine.shape == (len(rows), wanted.shape[1] + 1)
        np.testing.assert_allclose(
            sorted_columns(mine[:, :-1]), sorted_columns(wanted), rtol=1e-9, atol=1e-10
        )
        assert (mine[:, -1] == 1.0).all()
    assert np.array_equal(problem.y_train, train["churn"] == "yes")
    assert problem.class_names == ("no", "yes")
    assert problem.x_train.flags.c_contiguous


def test_cross_entropy_reaches_the_accuracy_of_logistic_regression(tmp_path: Path) -> None:
    frame = customers(3000)
    problem = load(frame, tmp_path, "churn", standardize=True)
    trainer = Trainer(problem, loss="cross-entropy", learning_rates=[1.0], seed=1)
    trainer.advance(2000)
    train, test = train_test_split(frame, test_size=0.5, random_state=42)
    theirs = make_pipeline(
        transformer(frame, len(train)), StandardScaler(), LogisticRegression(max_iter=1000)
    ).fit(train, train["churn"])
    mine = ((problem.x_test @ trainer.weights[0] > 0) == problem.y_test).mean()
    assert mine == pytest.approx(theirs.score(test, test["churn"]), abs=0.01)
    assert mine > 0.9


def test_the_names_of_features_tell_where_they_are_from(tmp_path: Path) -> None:
    frame = customers()
    problem = load(frame, tmp_path, "churn")
    names = problem.feature_names
    assert len(set(names)) == len(names) == problem.features
    for name in ("tenure", "n2", "n2 missing", "contract=two year", "contract=(missing)"):
        assert name in names
    assert "city=(rare)" in names
    assert not any("customer" in name or "churn" in name for name in names)
    column = names.index("city=(rare)")
    train, _ = train_test_split(frame, test_size=0.5, random_state=42)
    assert np.array_equal(problem.x_train[:, column], train["city"].str.startswith("Rare"))
    column = names.index("n2 missing")
    assert np.array_equal(problem.x_train[:, column], train["n2"].isna())


def test_every_column_has_a_note(tmp_path: Path) -> None:
    problem = load(customers(), tmp_path, "churn")
    notes = {note.name: note for note in problem.about}
    assert [*notes][-1] == "churn"
    assert {*notes} == {*customers().columns}
    assert "left out" in notes["customer"].done
    assert "nearly every value differs" in notes["customer"].done
    assert "median" in notes["income"].done
    assert notes["income"].features == ("income", "income missing")
    assert "one-hot" in notes["city"].done
    assert "2 rare" in notes["city"].done
    assert "no, yes" in notes["churn"].done
    made = [name for note in problem.about for name in note.features]
    assert sorted(made) == sorted(problem.feature_names)


def test_medians_are_those_of_the_train_rows(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(40.0) ** 2, "y": np.tile([0, 1], 20)})
    frame.loc[::5, "a"] = np.nan
    problem = load(frame, tmp_path)
    train, test = train_test_split(frame, test_size=0.5, random_state=42)
    filled = problem.x_test[:, 0][test["a"].isna()]
    assert len(filled)
    assert (filled == train["a"].median()).all()


def test_marks_of_gaps_follow_a_sixteenth_of_the_columns(tmp_path: Path) -> None:
    """Weights that older versions have kept are in this order."""
    values = np.random.default_rng(0).normal(size=(40, 33))
    values[::3, :5] = np.nan
    names = [f"f{i}" for i in range(33)]
    problem = load(pd.DataFrame(values, columns=names).assign(y=np.tile([0, 1], 20)), tmp_path)
    three = ["f0", "f1", "f2", "f0 missing", "f1 missing", "f2 missing"]
    two = ["f3", "f4", "f3 missing", "f4 missing"]
    assert problem.feature_names == (*names[5:], *three, *two)


def test_gaps_in_test_rows_alone_make_no_feature(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(40.0), "y": np.tile([0, 1], 20)})
    _, test = train_test_split(frame, test_size=0.5, random_state=42)
    frame.loc[test.index[:3], "a"] = np.nan
    problem = load(frame, tmp_path)
    assert problem.feature_names == ("a",)
    assert np.isfinite(problem.x_test).all()


def test_a_text_that_only_the_test_rows_have_is_no_feature(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.tile(["u", "v"], 20), "y": np.tile([0, 1, 1, 0], 10)})
    _, test = train_test_split(frame, test_size=0.5, random_state=42)
    frame.loc[test.index[0], "a"] = "new"
    problem = load(frame, tmp_path)
    assert problem.feature_names == ("a=u", "a=v")
    assert (problem.x_test[0] == [0, 0, 1]).all()


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (["one"] * 60, "one value only"),
        ([None] * 60, "all missing"),
        ([f"id{i}" for i in range(60)], "nearly every value differs"),
    ],
)
def test_columns_that_teach_nothing_are_left_out(
    tmp_path: Path, column: list[object], why: str
) -> None:
    frame = pd.DataFrame({"c": column, "a": np.arange(60.0), "y": np.tile([0, 1], 30)})
    problem = load(frame, tmp_path)
    assert problem.feature_names == ("a",)
    assert problem.about[0].done == f"left out: {why}"
    with pytest.raises(ProblemError, match=why):
        load(frame[["c", "y"]], tmp_path)


def test_a_column_that_counts_the_rows_is_pointed_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=60), "id": rng.permutation(60) + 1000})
    frame["y"] = np.tile([0, 1], 30)
    assert "id counts the rows: --drop id if that is all" in load(frame, tmp_path).hints
    for other in (frame["id"] * 2, frame["id"] % 59, frame["id"].replace(1005, 1004)):
        told = load(frame.assign(id=other), tmp_path)
        assert told.feature_names == ("a", "id")
        assert not any("counts" in hint for hint in told.hints)


def test_all_columns_that_are_refused_are_named_at_once(tmp_path: Path) -> None:
    days = [f"2024-01-{1 + i % 28:02d}" for i in range(60)]
    frame = pd.DataFrame({"begun": days, "a": np.arange(60.0) ** 2, "left": days})
    frame["paid"] = [f"{i % 9}%" for i in range(60)]
    frame["y"] = np.tile([0, 1], 30)
    with pytest.raises(ProblemError) as error:
        load(frame, tmp_path, dates="refuse")
    assert "column 'begun' holds dates" in str(error.value)
    assert "(also 'left', 'paid': gd-tui data says why)" in str(error.value)
    path = written(frame, tmp_path / "t.csv")
    assert load_file(path, "y", drop=("begun", "left", "paid")).feature_names == ("a",)


def test_the_index_that_pandas_writes_is_left_out(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(60.0) ** 2, "y": np.tile([0, 1], 30)})
    frame.to_csv(tmp_path / "i.csv")
    assert load_file(str(tmp_path / "i.csv"), "y").feature_names == ("a",)


@pytest.mark.parametrize(
    ("target", "options", "task", "names"),
    [
        (["no", "yes"] * 30, {}, "binary", ("no", "yes")),
        ([10, 9, 100] * 20, {}, "multiclass", ("9", "10", "100")),
        ([10, 9, 100] * 20, {"task": "regression"}, "regression", ()),
        ([0.5, 1.5] * 30, {}, "regression", ()),
        ([0.5, 1.5] * 30, {"task": "classification"}, "binary", ("0.5", "1.5")),
        (list(range(60)), {}, "regression", ()),
        (list(range(20)) * 3, {}, "multiclass", tuple(str(i) for i in range(20))),
        (list(range(21)) * 3, {}, "regression", ()),
        ([True, False] * 30, {}, "binary", ("false", "true")),
    ],
)
def test_the_target_decides_the_task(
    tmp_path: Path, target: list[object], options: dict[str, str], task: str, names: tuple[str, ...]
) -> None:
    frame = pd.DataFrame({"a": np.arange(len(target)) / 7, "y": target})
    problem = load(frame, tmp_path, **options)
    assert problem.task == task
    assert problem.class_names == names
    stated, verb = ("regression", "is") if not names else ("classification", "has")
    assert problem.hints[0].startswith(f"{stated}: y {verb} ")
    train, _ = train_test_split(frame["y"], test_size=0.5, random_state=42)
    if names:
        said = [problem.class_names[i].lower() for i in problem.y_train]
        assert said == [str(value).lower() for value in train]
    else:
        assert np.array_equal(problem.y_train, train)


def test_targets_that_cannot_be_learned_are_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(3000.0), "y": [f"t{i}" for i in range(3000)]})
    with pytest.raises(ProblemError, match="too many for classes"):
        load(frame, tmp_path)
    frame["y"] = np.arange(3000) / 2
    with pytest.raises(ProblemError, match="3,000 different numbers"):
        load(frame, tmp_path, task="classification")
    frame["y"] = np.tile(["u", "v"], 1500)
    with pytest.raises(ProblemError, match="text, which --task regression cannot"):
        load(frame, tmp_path, task="regression")
    with pytest.raises(ProblemError, match=r"no column 'chrun'; it has churn"):
        load(frame.rename(columns={"y": "churn"}), tmp_path, "chrun")


def test_the_hint_tells_by_how_much_scales_differ(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.standard_normal(400), "y": np.tile([0, 1], 200)})
    for scale, told in ((50.0, False), (4300.0, True)):
        frame["b"] = np.tile([scale, -scale], 200)
        frame["a"] = np.tile([1.0, -1.0, -1.0, 1.0], 100)
        hints = [hint for hint in load(frame, tmp_path).hints if "--standardize" in hint]
        assert bool(hints) == told
        assert not told or "4,300" in hints[0]
    ready = load(frame, tmp_path, standardize=True)
    assert not any("--standardize" in hint for hint in ready.hints)


def test_standardized_features_are_those_of_standard_scaler(tmp_path: Path) -> None:
    frame = customers()
    plain = load(frame, tmp_path, "churn")
    ready = load(frame, tmp_path, "churn", standardize=True)
    scaler = StandardScaler().fit(plain.x_train[:, :-1])
    for mine, raw in ((ready.x_train, plain.x_train), (ready.x_test, plain.x_test)):
        np.testing.assert_allclose(
            mine[:, :-1], scaler.transform(raw[:, :-1]), rtol=1e-9, atol=1e-12
        )


def test_rows_of_many_blocks_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = customers(500)
    whole = load(frame, tmp_path, "churn")
    monkeypatch.setattr("tui_gd.problems.features.BLOCK", 100)
    monkeypatch.setattr("tui_gd.problems.split.BLOCK", 70)
    parts = load(frame, tmp_path, "churn")
    assert np.array_equal(parts.x_train, whole.x_train)
    assert np.array_equal(parts.x_test, whole.x_test)


def test_texts_that_are_cut_alike_stay_features_of_their_own(tmp_path: Path) -> None:
    long = "the same forty characters in the beginning, "
    texts = [f"{long}a", f"{long}b"] * 150 + [f"{long}rare"]
    table = pd.DataFrame({"n": np.arange(301) % 7, "t": texts, "y": np.arange(301) % 2})
    problem = load_file(written(table, tmp_path / "t.csv"), "y", test=str(tmp_path / "t.csv"))
    names = [name for name in problem.feature_names if name.startswith("t=")]
    assert len(set(names)) == len(names) == 3
    assert names[2] == "t=(rare)"
    for place, text in enumerate([f"{long}a", f"{long}b", f"{long}rare"], 1):
        expected = (table["t"] == text).to_numpy(float)
        np.testing.assert_array_equal(problem.x_train[:, place], expected)
