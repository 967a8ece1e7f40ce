"""`gd-tui predict`: rows of files, predicted with the weights of kept runs."""

import bz2
import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import ipc
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.cli.commandline import Said, call, check_refusal
from tests.problems.tabling import customers, written
from tests.runs.test_predict import run_script
from tui_gd.problems import columnar, input_file, new_rows
from tui_gd.problems.tables import Table
from tui_gd.runs.store import Store


def trained(*argv: object) -> str:
    """Train as the command line does and return the id of the kept run."""
    said = call("run", *argv, "--seed", 1, "--quiet")
    assert said.status == 0, said
    with Store() as store:
        return store.runs()[0].id


def rows_of(said: Said) -> list[list[str]]:
    assert said.status == 0, said
    return list(csv.reader(io.StringIO(said.out)))


def probabilities(said: Said) -> np.ndarray[Any, Any]:
    return np.array([[float(cell) for cell in row[1:]] for row in rows_of(said)[1:]])


def changed(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows without target, columns reversed, with new gaps and texts, one column too many."""
    rows = rows.drop(columns=["churn"])[[c for c in reversed(rows.columns) if c != "churn"]]
    rows = rows.assign(remark="new")
    rows.iloc[3, rows.columns.get_loc("city")] = "nowhere before"
    rows.iloc[4, rows.columns.get_loc("contract")] = None
    rows.iloc[5, rows.columns.get_loc("n0")] = np.nan  # no train row has a gap there
    rows.iloc[6, rows.columns.get_loc("city")] = None
    return rows


def test_rows_of_json_whose_texts_look_like_numbers_are_predicted(tmp_path: Path) -> None:
    texts = ["7", "8", "b"]
    rows = pd.DataFrame({"a": [texts[i % 3] for i in range(60)], "y": ["u", "u", "v"] * 20})
    run = trained(written(rows, tmp_path / "t.csv"), "--target", "y")
    (tmp_path / "new.jsonl").write_text('{"a": 7}\n{"a": 8}\n')
    (tmp_path / "new.csv").write_text("a\n7\n8\n")
    json_rows, csv_rows = (
        rows_of(call("predict", run, tmp_path / name, "--proba"))
        for name in ("new.jsonl", "new.csv")
    )
    assert json_rows == csv_rows
    assert len(json_rows) == 3


def test_predictions_are_those_of_a_pipeline_of_scikit_learn(tmp_path: Path) -> None:
    table = customers(700)
    train, new = table[:500], changed(table[500:])
    run = trained(written(train, tmp_path / "t.csv"), "--target", "churn", "--test-size", 0.001)
    found = call("predict", run, written(new, tmp_path / "new.csv"), "--proba")
    header, *rows = rows_of(found)
    assert header == ["churn", "P(no)", "P(yes)"]
    call("export", run, "weights", "--to", tmp_path / "out")
    weights = json.loads((tmp_path / "out" / "weights.json").read_text())["lanes"][0]["weights"]
    numbers = [c for c in table if c.startswith("n") or c in {"tenure", "last", "senior"}]
    numbers.remove("n2")
    pipeline = make_pipeline(
        make_column_transformer(
            (SimpleImputer(strategy="median"), numbers),
            (SimpleImputer(strategy="median", add_indicator=True), ["n2", "income"]),
            (
                OneHotEncoder(
                    min_frequency=5, handle_unknown="infrequent_if_exist", sparse_output=False
                ),
                ["contract", "city"],
            ),
        ),
        StandardScaler(),
    )
    # the one test row is not among the rows that were fitted
    split = np.random.RandomState(42).permutation(500)
    x_train = train.iloc[split[1:]].astype({"senior": float})
    x = pipeline.fit(x_train).transform(new.astype({"senior": float}))
    names = [*numbers, "n2", "income", "n2 missing", "income missing"]
    names += [f"contract={one}" for one in ("month-to-month", "one year", "two year", "(missing)")]
    names += [f"city={one}" for one in ("Bonn", "Köln", "Ulm", "(rare)")]
    assert set(names) == set(weights["weights"])
    z = x @ [weights["weights"][name] for name in names] + weights["bias"]
    np.testing.assert_allclose(probabilities(found)[:, 1], 1 / (1 + np.exp(-z)), rtol=1e-9)
    assert [row[0] for row in rows] == np.where(z > 0, "yes", "no").tolist()


def test_every_format_gives_the_same_and_so_does_the_exported_script(tmp_path: Path) -> None:
    table = customers(400)
    run = trained(
        written(table[:300], tmp_path / "t.csv"), "--target", "churn", "--drop", "customer"
    )
    new = changed(table[300:])
    path = Path(written(new, tmp_path / "new.csv"))
    wanted = rows_of(call("predict", run, path, "--proba"))
    assert len(wanted) == 101
    for name in ("new.parquet", "new.feather", "new.jsonl", "new.tsv"):
        found = rows_of(call("predict", run, written(new, tmp_path / name), "--proba"))
        assert [row[0] for row in found] == [row[0] for row in wanted]
        np.testing.assert_allclose(
            np.array(found[1:])[:, 1:].astype(float),
            np.array(wanted[1:])[:, 1:].astype(float),
            rtol=1e-6,  # pandas writes 10 digits into JSON
        )
    (tmp_path / "new.csv.bz2").write_bytes(bz2.compress(path.read_bytes()))
    assert rows_of(call("predict", run, tmp_path / "new.csv.bz2", "--proba")) == wanted
    call("export", run, "predict", "--to", tmp_path / "model")
    script = run_script(tmp_path / "model", str(path))
    assert script.returncode == 0, script.stderr
    said = list(csv.reader(io.StringIO(script.stdout)))
    assert [row[0] for row in said] == [row[0] for row in wanted]
    np.testing.assert_allclose(
        np.array(said[1:])[:, 1:].astype(float),
        np.array(wanted[1:])[:, 1:].astype(float),
        rtol=1e-9,
        atol=1e-12,
    )


def test_json_and_a_file_hold_what_the_table_prints(tmp_path: Path) -> None:
    table = customers(300)
    run = trained(written(table, tmp_path / "t.csv"), "--target", "churn")
    new = written(changed(table), tmp_path / "new.csv")
    printed = call("predict", run, new, "--proba")
    out = tmp_path / "out.csv"
    said = call("predict", run, new, "--proba", "-o", out)
    assert (said.out, out.read_text()) == ("", printed.out)
    document = call("predict", run, new, "--json", "--proba").document
    assert (document["run"], document["target"], document["classes"]) == (
        run, "churn", ["no", "yes"],
    )  # fmt: skip
    assert document["predictions"] == [row[0] for row in rows_of(printed)[1:]]
    assert document["probabilities"] == probabilities(printed).tolist()
    assert "probabilities" not in call("predict", run, new, "--json").document


def test_the_table_of_the_training_may_be_gone(tmp_path: Path) -> None:
    table = customers(300)
    path = Path(written(table, tmp_path / "t.csv"))
    run = trained(path, "--target", "income", "--skip-missing-target")
    new = written(table, tmp_path / "new.csv")
    before = call("predict", run, new)
    path.unlink()
    after = call("predict", run, new)
    assert after == before
    assert rows_of(after)[0] == ["income"]
    assert len(rows_of(after)) == 301


def test_dates_units_and_one_row_are_read_as_in_training(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2023-11-20") + pd.to_timedelta(rng.integers(0, 400, 300), unit="D")
    table = pd.DataFrame({"when": days.strftime("%d/%m/%Y"), "price": "", "zip": "", "y": ""})
    table["price"] = [f"${n:.2f}" for n in rng.uniform(1, 9, 300)]
    table["zip"] = rng.choice(["01", "1"], 300)
    table["y"] = np.where((days.month > 5) ^ (rng.random(300) < 0.1), "late", "early")
    path = written(table, tmp_path / "t.csv")
    run = trained(path, "--target", "y", "--number", "price", "--text", "zip")
    all_at_once = probabilities(call("predict", run, path, "--proba"))
    for row in (0, 7, 8):
        one = written(table[row : row + 1], tmp_path / "one.csv")
        alone = probabilities(call("predict", run, one, "--proba"))
        np.testing.assert_allclose(alone, all_at_once[row : row + 1], rtol=1e-9)
    table.iloc[4, 0] = "31/31/2023"
    said = call("predict", run, written(table, tmp_path / "bad.csv"))
    check_refusal(said, "bad.csv: row 5, column 'when': '31/31/2023' is not a date")


def test_arrays_and_svmlight_are_found_by_the_numbers_of_their_columns(tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    np.savez(tmp_path / "iris.npz", X=x, y=y)
    run = trained(tmp_path / "iris.npz")
    wanted = rows_of(call("predict", run, tmp_path / "iris.npz", "--proba"))
    np.save(tmp_path / "x.npy", x)
    pd.DataFrame(x, columns=["x1", "x2", "x3", "x4"]).to_csv(tmp_path / "x.csv", index=False)
    lines = [" ".join(["0", *(f"{i}:{v!r}" for i, v in enumerate(row, 1))]) for row in x.tolist()]
    (tmp_path / "x.svm").write_text("\n".join(lines) + "\n")
    for name in ("x.npy", "x.csv", "x.svm"):
        assert rows_of(call("predict", run, tmp_path / name, "--proba")) == wanted, name
    # a matrix with the target among its columns, and one without it
    np.save(tmp_path / "m.npy", np.c_[x[:, :2], y, x[:, 2:]])
    run = trained(tmp_path / "m.npy", "--target", 3)
    whole = call("predict", run, tmp_path / "m.npy")
    assert call("predict", run, tmp_path / "x.npy") == whole
    assert {row[0] for row in rows_of(whole)[1:]} == {"0", "1", "2"}
    run = trained("iris")
    assert len(rows_of(call("predict", run, tmp_path / "x.npy"))) == 151
    np.save(tmp_path / "wide.npy", np.ones((3, 5)))
    check_refusal(call("predict", run, tmp_path / "wide.npy"), "has 5 columns without names")


def test_one_feature_is_enough(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal(100)
    path = written(pd.DataFrame({"a": a, "y": 3 * a + 1}), tmp_path / "t.csv")
    run = trained(path, "--target", "y", "-e", 3000)
    (tmp_path / "one.csv").write_text("a\n1.5\n-2\n")
    found = rows_of(call("predict", run, tmp_path / "one.csv"))
    assert [float(row[0]) for row in found[1:]] == pytest.approx([5.5, -5.0], abs=1e-6)


@pytest.mark.parametrize(
    ("text", "options", "parts"),
    [
        ("a\n1\n", [], ["has no column 'plan', which the model needs"]),
        ("b,c\n1,2\n", [], ["has no columns 'a', 'plan', which the model needs"]),
        ("a,plan\n1,x\noops,y\n", [], ["row 2 (line 3), column 'a': 'oops' is not a number"]),
        ("a,plan\n1,x\n1e999,y\n", [], ["row 2 (line 3), column 'a'", "infinite"]),
        ("a,plan\n1,x\n", ["--lane", "Z"], ["no lane 'Z': its lanes are A"]),
        ("a,plan\n1,x\n", ["--sep", ";"], ["has no columns 'a', 'plan'"]),
        ("", [], ["is empty"]),
    ],
)
def test_files_that_cannot_be_predicted_are_refused_in_a_line(
    tmp_path: Path, text: str, options: list[str], parts: list[str]
) -> None:
    (tmp_path / "t.csv").write_text("a,plan,y\n" + "1,x,0\n2,y,1\n3.5,y,1\n2,x,0\n" * 5)
    run = trained(tmp_path / "t.csv", "--target", "y", "-e", 10)
    (tmp_path / "new.csv").write_text(text)
    out = tmp_path / "out.csv"
    out.write_text("as before")
    check_refusal(call("predict", run, tmp_path / "new.csv", "-o", out, *options), *parts)
    assert out.read_text() == "as before"


def test_numbers_have_no_probabilities_and_surfaces_no_rows(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("x1\n1\n")
    run = trained("line", "-e", 5)
    check_refusal(call("predict", run, tmp_path / "new.csv", "--proba"), "leave --proba out")
    run = trained("surface:booth", "-e", 5)
    check_refusal(call("predict", run, tmp_path / "new.csv"), "no rows to predict")
    check_refusal(call("predict", "nosuch", tmp_path / "new.csv"), "no kept run has this id")


def test_a_threshold_moves_the_border_between_two_classes(tmp_path: Path) -> None:
    table = customers(300)
    path = written(table, tmp_path / "t.csv")
    run = trained(path, "--target", "churn", "-e", 20)
    found = call("predict", run, path, "--proba", "--threshold", 0.2)
    p = probabilities(found)[:, 1]
    assert [row[0] for row in rows_of(found)[1:]] == np.where(p > 0.2, "yes", "no").tolist()
    assert ((p > 0.2) != (p > 0.5)).any()
    alone = rows_of(call("predict", run, path, "--threshold", 0.2))
    assert alone == [row[:1] for row in rows_of(found)]
    check_refusal(call("predict", run, path, "--threshold", 1.5), "--threshold")
    run = trained("iris", "-e", 5)
    np.save(tmp_path / "x.npy", np.ones((2, 4)))
    said = call("predict", run, tmp_path / "x.npy", "--threshold", 0.2)
    check_refusal(said, "--threshold goes with two classes")


@pytest.mark.parametrize("name", ["new.csv", "new.jsonl", "new.parquet", "new.feather"])
def test_a_file_is_read_some_rows_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    table = customers(900)
    run = trained(written(table[:300], tmp_path / "t.csv"), "--target", "churn")
    new = changed(table[300:])
    path = tmp_path / name
    if name.endswith("feather"):
        schema = pa.Table.from_pandas(new, preserve_index=False)
        with ipc.new_file(str(path), schema.schema) as file:
            file.write_table(schema, max_chunksize=70)
    else:
        written(new, path)
    every, sizes, read = call("predict", run, path, "--proba"), [], new_rows.read_table

    def counted(*arguments: Any, **more: Any) -> Table:
        found = read(*arguments, **more)
        sizes.append(len(found.values))
        return found

    monkeypatch.setattr(new_rows, "read_table", counted)
    monkeypatch.setattr(new_rows, "BLOCK", 1 << 10)
    monkeypatch.setattr(input_file, "CHUNK", 1 << 13)
    monkeypatch.setattr(columnar, "NUMBERS", 1 << 10)
    monkeypatch.setattr(columnar, "FEWEST_ROWS", 100)
    pieces = call("predict", run, path, "--proba")
    assert len(sizes) > 4
    assert max(sizes) < 150
    assert sum(sizes) == 600
    assert [row[0] for row in rows_of(pieces)] == [row[0] for row in rows_of(every)]
    np.testing.assert_allclose(probabilities(pieces), probabilities(every), rtol=1e-12)


def test_a_fault_far_down_prints_nothing_and_names_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = customers(900)
    run = trained(written(table[:300], tmp_path / "t.csv"), "--target", "churn")
    monkeypatch.setattr(input_file, "CHUNK", 1 << 13)
    lines = Path(written(table[300:], tmp_path / "new.csv")).read_text().splitlines()
    for value, says in (("", ""), ("?", ""), ("many", "'many' is not a number"), ("inf", "inf")):
        cells = lines[501].split(",")
        cells[0] = value
        bad = tmp_path / "bad.csv"
        bad.write_text("\n".join([*lines[:501], ",".join(cells), *lines[502:]]) + "\n")
        said = call("predict", run, bad)
        if says:
            check_refusal(said, "bad.csv: row 501 (line 502), column 'n0': ", says)
        else:
            assert len(rows_of(said)) == 601


def test_without_a_temporary_directory_a_file_is_written_and_printing_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = written(customers(60)[["n0", "n1", "churn"]], tmp_path / "t.csv")
    run, out = trained(table, "--target", "churn"), tmp_path / "out.csv"

    def nowhere(*_: object, **__: object) -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile._get_default_tempdir", nowhere)
    monkeypatch.setattr("tempfile.tempdir", None)
    assert call("predict", run, table, "-o", out).status == 0
    assert len(out.read_text().splitlines()) == 61
    said = call("predict", run, table)
    assert (said.status, said.out) == (1, "")
    assert said.err.endswith(
        "predictions into a temporary file: No usable temporary directory found\n"
    )
