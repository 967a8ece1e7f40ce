"""The exported predict.py, run as its user would run it."""

import bz2
import csv
import gzip
import io
import json
import lzma
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

from tests.problems.tabling import customers, written
from tests.runs.kept import record_of
from tui_gd.errors import ProblemError
from tui_gd.learning.models import ACTIVATIONS
from tui_gd.problems.new_rows import rows_of_file
from tui_gd.runs.exports import export, predict
from tui_gd.runs.record import RunRecord
from tui_gd.session.settings import RunSettings


def exported_run(settings: RunSettings, epochs: int = 30) -> RunRecord:
    problem = settings.load_problem()
    trainer = settings.make_trainer(problem)
    trainer.advance(epochs)
    return record_of(settings, problem, trainer)


def run_script(folder: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run predict.py where this project cannot be imported."""
    return subprocess.run(
        [sys.executable, "-I", "-W", "error", str(folder / "predict.py"), *arguments],
        capture_output=True,
        text=True,
        input=given,
        timeout=60,
        check=False,
    )


def predicted(folder: Path, table: str, *more: str) -> list[list[str]]:
    done = run_script(folder, table, *more)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return list(csv.reader(io.StringIO(done.stdout)))


def tables(tmp_path: Path, target: str = "churn") -> dict[str, Any]:
    """Rows to train on, and rows in another order of columns with new texts."""
    table = customers(rows=700)
    if target == "size":
        table["size"] = np.where(table["n0"] > 0.5, "big", np.where(table["n1"] > 0, "mid", "low"))
    other = table[500:][list(reversed(table.columns))].copy()
    other.iloc[3, other.columns.get_loc("city")] = "nowhere before"
    other.iloc[4, other.columns.get_loc("contract")] = None
    return {
        "problem": written(table[:500], tmp_path / "train.csv"),
        "test": written(other, tmp_path / "test.csv"),
        "target": target,
        "seed": 3,
        "alpha": (0.1,),
    }


MODELS: list[dict[str, Any]] = [
    {"loss": "cross-entropy", "standardize": True},
    {"hidden": (5, 4), "activation": "tanh", "standardize": True},
    {"hidden": (5,), "activation": "relu", "drop": ("income", "n3")},
    {"hidden": (3,), "activation": "linear", "standardize": True},
    {"target": "size", "standardize": True},
    {"target": "size", "hidden": (6,), "activation": "sigmoid", "dtype": "float32"},
    {"target": "income", "drop": ("n2",), "standardize": True, "loss": "mse"},
]


def test_every_activation_is_tried_below() -> None:
    assert {model.get("activation") for model in MODELS} - {None} == set(ACTIVATIONS)


@pytest.mark.parametrize("more", MODELS)
def test_predictions_from_the_raw_table_agree_with_the_estimator(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    given = {**tables(tmp_path, more.get("target", "churn")), **more}
    if given["target"] == "income":  # a target may not be missing
        for name in ("train.csv", "test.csv"):
            table = pd.read_csv(tmp_path / name)
            table["income"] = table["income"].fillna(50_000.0) / 1e4
            written(table, tmp_path / name)
    run = exported_run(RunSettings(**given))
    export(run, ["predict", "estimator"], tmp_path / "out")
    estimator = joblib.load(tmp_path / "out" / "estimator.joblib")
    header, *rows = predicted(tmp_path / "out", given["test"])
    x = run.problem.x_test[:, :-1]
    assert header[0] == given["target"]
    assert len(rows) == len(x) == 200
    if run.problem.task == "regression":
        assert [float(row[0]) for row in rows] == pytest.approx(estimator.predict(x).tolist())
        return
    assert [row[0] for row in rows] == estimator.predict(x).tolist()
    assert header[1:] == [f"P({name})" for name in estimator.classes_]
    probabilities = np.array([[float(cell) for cell in row[1:]] for row in rows])
    np.testing.assert_allclose(probabilities, estimator.predict_proba(x), rtol=1e-9, atol=1e-12)


def test_features_of_raw_rows_are_made_as_in_training(tmp_path: Path) -> None:
    run = exported_run(RunSettings(**tables(tmp_path), standardize=True), epochs=1)
    export(run, "predict", tmp_path / "out")
    model = predict.load(tmp_path / "out" / "model.json")
    with open(tmp_path / "test.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    close = partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-14)
    close(predict.features(model, rows), run.problem.x_test)
    # called from Python, a missing number is None or NaN
    frame = pd.read_csv(tmp_path / "test.csv").astype(object)
    close(predict.features(model, frame.to_dict("records")), run.problem.x_test)


def test_a_table_without_header_is_read_as_in_training(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 2))
    lines = [f"{a},{b},{int(a > b)}" for a, b in x]
    table = tmp_path / "plain.csv"
    table.write_text("\n".join(lines) + "\n")
    run = exported_run(RunSettings(problem=str(table), target="x3", test=str(table), alpha=(0.1,)))
    export(run, "predict", tmp_path / "out")
    _, *rows = predicted(tmp_path / "out", str(table))
    expected = run.predictor.predict(run.weights(run.lane), run.problem.x_test)
    assert [row[0] for row in rows] == [str(number) for number in expected]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,plan\n1,x\noops,x\n", "row 2, column 'a': 'oops' is not a number"),
        ("a,plan\n1,x\n1_0,x\n", "row 2, column 'a': '1_0' is not a number"),
        ("a,plan\n1,x\n2\n", "row 2 has 1 values instead of 2"),
        ("a,other\n1,x\n", "has no column 'plan', which the model needs"),
        ("", "has no column 'a', which the model needs"),
    ],
)
def test_rows_that_cannot_be_used_are_named(tmp_path: Path, text: str, said: str) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,plan,y\n" + "1,x,0\n2,y,1\n3.5,y,1\n2,x,0\n" * 5)
    run = exported_run(RunSettings(problem=str(table), target="y", alpha=(0.1,)))
    export(run, "predict", tmp_path / "out")
    done = run_script(tmp_path / "out", "-", given=text)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_packed_tables_are_unpacked_and_readers_may_leave(tmp_path: Path) -> None:
    given = tables(tmp_path)
    export(exported_run(RunSettings(**given)), "predict", tmp_path / "out")
    packed = tmp_path / "test.csv.gz"
    packed.write_bytes(gzip.compress(Path(given["test"]).read_bytes()))
    assert predicted(tmp_path / "out", str(packed)) == predicted(tmp_path / "out", given["test"])
    script = f"{sys.executable} -I -W error {tmp_path / 'out' / 'predict.py'}"
    header, *rows = Path(given["test"]).read_text().splitlines(keepends=True)
    many = tmp_path / "many.csv"
    many.write_text(header + "".join(rows) * 100)
    left = subprocess.run(
        ["bash", "-c", f"cat {many} | {script} - | head -1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (left.stdout, left.stderr) == ("churn,P(no),P(yes)\n", "")
    packed.write_bytes(packed.read_bytes()[:-30])
    cut = run_script(tmp_path / "out", str(packed))
    assert (cut.returncode, cut.stderr.count("\n")) == (2, 1)
    assert "ended before" in cut.stderr


def test_names_of_a_table_are_never_code(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    name = '"); import os; os._exit(9) #'
    text = pd.DataFrame({name: [1.0, 2.0, 3.0, 4.0] * 5, "y": ["'\"", "\\n{x}"] * 10})
    text.to_csv(table, index=False)
    run = exported_run(RunSettings(problem=str(table), target="y", alpha=(0.1,)))
    export(run, "predict", tmp_path / "out")
    header, *rows = predicted(tmp_path / "out", str(table))
    assert header == ["y", "P('\")", "P(\\n{x})"]
    assert {row[0] for row in rows} <= {"'\"", "\\n{x}"}
    document = json.loads((tmp_path / "out" / "model.json").read_text())
    assert [one["column"] for one in document["features"]] == [name]


def test_built_in_problems_are_predicted_from_columns_of_their_features(tmp_path: Path) -> None:
    run = exported_run(RunSettings(problem="iris", standardize=True, alpha=(0.1,)))
    export(run, "predict", tmp_path / "out")
    iris = load_iris()
    table = tmp_path / "iris.csv"
    pd.DataFrame(iris.data, columns=iris.feature_names).to_csv(table, index=False)
    _, *rows = predicted(tmp_path / "out", str(table))
    right = [row[0] == iris.target_names[y] for row, y in zip(rows, iris.target, strict=True)]
    learned = run.predictor.predict(run.weights(run.lane), run.problem.x_test)
    _, of_test = train_test_split(right, test_size=0.5, random_state=42)
    assert of_test == (learned == run.problem.y_test).tolist()


def test_a_surface_has_no_such_script(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="no rows to predict"):
        export(exported_run(RunSettings(problem="surface:booth")), "predict", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_dates_and_other_numbers_are_read_as_in_training(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2023-11-20") + pd.to_timedelta(rng.integers(0, 400, 300), unit="D")
    table = pd.DataFrame({"when": days.strftime("%d/%m/%Y"), "at": "", "a": "", "zip": "01"})
    table["at"] = [f"{h:02d}:{m:02d}" for h, m in rng.integers(0, 24, (300, 2))]
    table["a"] = [f"{n // 1000}.{n % 1000:03d},5" for n in rng.integers(1000, 9000, 300)]
    table["zip"] = rng.choice(["01", "1"], 300)
    table["y"] = np.where((days.month > 5) ^ (rng.random(300) < 0.1), "late", "early")
    table.loc[::9, "when"] = None
    for name, part in (("train.csv", table[:200]), ("test.csv", table[200:])):
        part.to_csv(tmp_path / name, index=False, sep=";")
    settings = RunSettings(
        problem=str(tmp_path / "train.csv"), test=str(tmp_path / "test.csv"), target="y", seed=3,
        alpha=(0.1,), standardize=True, decimal="comma", thousands="point", text=("zip",),
    )  # fmt: skip
    run = exported_run(settings)
    names = run.problem.feature_names
    assert {"when month", "when missing", "at hour", "a", "zip=01"} <= set(names)
    written_files = export(run, "predict", tmp_path / "out")
    assert {path.name for path in written_files} == {"predict.py", "model.json", "dates.py"}
    header, *rows = predicted(tmp_path / "out", str(tmp_path / "test.csv"))
    weights = run.weights(run.lane)
    scores = run.problem.x_test @ weights
    np.testing.assert_allclose(
        [float(row[2]) for row in rows], 1 / (1 + np.exp(-scores)), rtol=1e-9, atol=1e-12
    )
    assert header == ["y", "P(early)", "P(late)"]
    bad = table[200:].copy()
    bad.iloc[1, 0] = "31/31/2023"
    bad.to_csv(tmp_path / "bad.csv", index=False, sep=";")
    done = run_script(tmp_path / "out", str(tmp_path / "bad.csv"))
    assert done.returncode == 2
    assert "row 2, column 'when': '31/31/2023' is not a date" in done.stderr
    bad.iloc[1, 0], bad.iloc[2, 2] = "1/1/2024", "1.5"
    bad.to_csv(tmp_path / "bad.csv", index=False, sep=";")
    done = run_script(tmp_path / "out", str(tmp_path / "bad.csv"))
    assert "row 3, column 'a': '1.5' is not a number" in done.stderr


PRICES = {
    "plain": "{:.2f}",
    "dollars": "${:.2f}",
    "units": "{:.2f} USD",
    "stars": "<{:.2f}*",
    "brackets": "({:.2f})",
    "thousands": "k {:.2f}k",
}


def as_text(frame: pd.DataFrame, price: str, sep: str, decimal: str, header: bool) -> str:
    """A table as text: prices in a notation, gaps as nothing or `none`, texts in quotes."""
    rows = [list(frame.columns)] if header else []
    for n, (a, b, c, y) in enumerate(frame.itertuples(index=False)):
        shown = "none" if n % 7 == 3 else PRICES[price].format(a).replace(".", decimal)
        rows.append([shown, f"{b:.3f}".replace(".", decimal), f'"{c}"', y])
    return "".join(sep.join(row) + "\n" for row in rows)


def by_hand(train: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """The features of `new` by name: medians, means and deviations are those of `train`."""
    made = {}
    for name, frame in (("train", train), ("new", new)):
        features = pd.DataFrame({"b": frame["b"], "a": frame["a"].fillna(train["a"].median())})
        features["a missing"] = frame["a"].isna().astype(float)
        for text in ("New York", "Ulm"):
            features[f"c={text}"] = (frame["c"] == text).astype(float)
        made[name] = features
    mean, deviation = made["train"].mean(), made["train"].std(ddof=0)
    return (made["new"] - mean) / deviation


@pytest.mark.parametrize(
    ("price", "options", "packing", "before"),
    [
        ("plain", {"threshold": 0.3}, "", ""),
        ("plain", {"sep": "semicolon", "decimal": "comma"}, "bz2", ""),
        ("dollars", {"number": ("a",)}, "gz", ""),
        ("units", {"number": ("a",), "sep": "bar", "decimal": "comma"}, "xz", ""),
        ("stars", {"number": ("a",), "comment": "#"}, "zip", "# by a program\n#\n"),
        ("brackets", {"number": ("a",), "skip_rows": 2}, "", "Prices\nof, all, towns, and more\n"),
        ("thousands", {"number": ("a",), "sep": "tab"}, "", ""),
        ("plain", {"sep": "blanks"}, "", ""),
        ("plain", {"sep": "blanks", "comment": "%", "skip_rows": 1}, "gz", "x\n% y\n"),
        ("plain", {"sep": "^"}, "", ""),
        ("plain", {"header": False}, "", ""),
        ("dollars", {"header": True, "number": ("a",), "encoding": "utf-16"}, "", ""),
        ("plain", {"encoding": "latin-1"}, "", ""),
        ("plain", {"skip_footer": 2, "sep": "semicolon"}, "gz", ""),
    ],
)
def test_a_file_is_read_as_the_train_rows_were(
    tmp_path: Path,
    price: str,
    options: dict[str, Any],
    packing: str,
    before: str,
) -> None:
    """`gd-tui predict` and predict.py say what a table prepared by hand gives."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"a": rng.uniform(5, 90, 160).round(2), "b": rng.normal(size=160).round(3)}
    )
    frame["c"] = rng.choice(["New York", "Ulm"], 160)
    frame["y"] = np.where(frame["a"] / 90 + frame["b"] > 0.5, "höher", "tiefer")
    written_as = {"semicolon": ";", "bar": "|", "tab": "\t", "blanks": "   ", None: ","}
    sep = written_as.get(options.get("sep"), options.get("sep"))
    decimal = "," if options.get("decimal") == "comma" else "."
    header = options.get("header") is not False
    encode = options.get("encoding", "utf-8")
    paths = []
    for name, part in (("train", frame[:100]), ("new", frame[100:])):
        below = "\nTotal;5;5;5\nby hand\n\n" * bool(options.get("skip_footer"))
        data = (before + as_text(part, price, sep, decimal, header) + below).encode(encode)
        paths.append(tmp_path / f"{name}.csv")
        paths[-1].write_bytes(packed(data, packing))
    train, new = frame[:100].copy(), frame[100:].copy()
    for part in (train, new):
        part.loc[part.index[np.arange(len(part)) % 7 == 3], "a"] = np.nan
        part["a"] *= {"brackets": -1.0, "thousands": 1000.0}.get(price, 1.0)
    settings = RunSettings(
        problem=str(paths[0]), test=str(paths[1]), target="y" if header else "4", seed=3,
        alpha=(0.1,), standardize=True, **options,
    )  # fmt: skip
    run = exported_run(settings)
    weights = dict(zip(run.problem.feature_names, run.weights(run.lane), strict=False))
    names = {"a": "x1", "b": "x2", "c": "x3"} if not header else {}
    features = by_hand(train, new)
    scores = run.weights(run.lane)[-1] + sum(
        features[one] * weights[one.replace(one[0], names.get(one[0], one[0]), 1)]
        for one in features
    )
    wanted, limit = 1 / (1 + np.exp(-scores.to_numpy())), options.get("threshold", 0.5)
    export(run, "predict", tmp_path / "out")
    given = {name: options[name] for name in ("skip_footer",) if name in options}
    more = ("--skip-footer", str(given["skip_footer"])) if given else ()
    _, *rows = predicted(tmp_path / "out", str(paths[1]), *more)
    found = [float(row[2]) for row in rows]
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
    assert [row[0] for row in rows] == ["tiefer" if p > limit else "höher" for p in wanted]
    rows_read = rows_of_file(run.problem, str(paths[1]), settings.reading, given)
    blocks = list(rows_read.blocks())
    ours = run.predictor.probabilities(run.weights(run.lane), np.concatenate(blocks))
    np.testing.assert_allclose(ours[:, 1], wanted, rtol=1e-9, atol=1e-12)
    ours = run.predictor.predict(run.weights(run.lane), np.concatenate(blocks))
    assert ours.tolist() == (wanted > limit).tolist()


def test_every_new_row_is_predicted_whatever_footer_the_train_rows_had(tmp_path: Path) -> None:
    rows = "".join(f"{i / 8},{'no' if i % 3 else 'yes'}\n" for i in range(60))
    for name, below in (("train", "Total,no\n"), ("new", "")):
        (tmp_path / f"{name}.csv").write_text("a,y\n" + rows + below)
    problem, new = str(tmp_path / "train.csv"), str(tmp_path / "new.csv")
    settings = RunSettings(problem=problem, test=new, target="y", skip_footer=1)
    run = exported_run(settings, 2)
    assert any(hint.endswith("new.csv: --skip-footer 1 leaves its last line out")
               for hint in run.problem.hints)  # fmt: skip
    export(run, "predict", tmp_path / "out")
    assert len(predicted(tmp_path / "out", new)) == 61
    assert len(predicted(tmp_path / "out", new, "--skip-footer", "2")) == 59
    quoted = tmp_path / "quoted.csv"
    quoted.write_text('a,b\n1,"x\n\ny"\n2,z\n\nTotal\n\n')
    code = (
        "import predict, sys; lines = open(sys.argv[1]);"
        "reading = {'skip footer': 1, 'skip rows': 0, 'comment': None, 'separator': None,"
        " 'header': None}; print([row['b'] for row in predict.table(lines, ['a'], reading)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(quoted)],
        cwd=tmp_path / "out", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "['x\\n\\ny', 'z']\n"
    for given, count in (({}, 60), ({"skip_footer": 2}, 58)):
        blocks = rows_of_file(run.problem, new, settings.reading, given).blocks()
        assert sum(map(len, blocks)) == count


def packed(data: bytes, packing: str) -> bytes:
    if packing != "zip":
        packers = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
        return packers.get(packing, bytes)(data)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("table.csv", data)
    return file.getvalue()


def test_a_column_of_numbers_that_is_named_by_its_place_has_no_script(tmp_path: Path) -> None:
    settings = RunSettings(**{**tables(tmp_path), "test": None, "number": ("2",)})
    with pytest.raises(ProblemError, match="--number 2 names a column by its place"):
        export(exported_run(settings, 2), "predict", tmp_path / "out")


def test_a_file_that_cannot_be_unpacked_is_reported(tmp_path: Path) -> None:
    run = exported_run(RunSettings(**tables(tmp_path)), 2)
    export(run, "predict", tmp_path / "out")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "x")
    for data, says in (
        (file.getvalue(), "a zip archive of 2 files"),
        (b"\x28\xb5\x2f\xfd" + bytes(40), "unpack it first"),
        (lzma.compress(b"n0,n1\n" * 99)[:-20], "new.csv: "),
    ):
        (tmp_path / "new.csv").write_bytes(data)
        done = run_script(tmp_path / "out", str(tmp_path / "new.csv"))
        assert done.returncode == 2
        assert says in done.stderr
        assert done.stderr.count("\n") == 1
