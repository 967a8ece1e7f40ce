"""Wide svmlight stays sparse: the same descent as dense data, from the file to the report."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import dump_svmlight_file

from tests.cli.commandline import call, check_refusal
from tui_gd.errors import ProblemError
from tui_gd.learning.models import Predictor
from tui_gd.problems import arrays
from tui_gd.problems.files import load_file
from tui_gd.problems.problem import Problem
from tui_gd.problems.split import Preparation
from tui_gd.runs.identity import arrays_digest
from tui_gd.session.report import report_on
from tui_gd.training.trainer import Trainer


def saved(folder: Path, task: str, rows: int = 300, features: int = 40) -> str:
    x = sparse.random(rows, features, density=0.2, random_state=0, format="csr")
    score = x @ np.random.default_rng(1).standard_normal(features)
    kinds = {
        "binary": score > 0,
        "multiclass": np.digitize(score, [-0.5, 0.5]),
        "regression": score,
    }
    path = folder / f"{task}{rows}.svm"
    dump_svmlight_file(x, kinds[task], str(path), zero_based=False)
    return str(path)


def both(path: str, monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[Problem, Problem]:
    """The problem of a file, dense and sparse."""
    dense = load_file(path, **options)
    monkeypatch.setattr(arrays, "DENSE_BYTES", 0)
    kept = load_file(path, **options)
    assert kept.is_sparse
    assert not dense.is_sparse
    return dense, kept


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"hidden": (5,), "l2": 0.01},
        {"batch_size": 32, "optimizer": "adam"},
        {"dtype": np.float32},
    ],
)
def test_sparse_data_descend_as_dense_data_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, options: dict[str, Any]
) -> None:
    dense, kept = both(saved(tmp_path, task), monkeypatch)
    trainers = [
        Trainer(problem, learning_rates=[0.01, 0.03], seed=3, **options)
        for problem in (dense, kept)
    ]
    for trainer in trainers:
        trainer.advance(30)
    tolerance = 1e-3 if "dtype" in options else 1e-8
    one, two = (trainer.weights for trainer in trainers)
    np.testing.assert_allclose(two, one, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(trainers[1].loss, trainers[0].loss, rtol=tolerance)
    predictor = Predictor(trainers[0].model, task)
    mine, theirs = (report_on(p, predictor, one[0].astype(float)) for p in (kept, dense))
    assert mine.text == theirs.text


def test_a_lanes_bits_do_not_depend_on_the_lanes_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, kept = both(saved(tmp_path, "binary"), monkeypatch)
    many = Trainer(kept, learning_rates=[0.1, 0.01, 1.0], seed=3)
    alone = Trainer(kept, learning_rates=[0.01], seed=3)
    for trainer in (many, alone):
        trainer.advance(20)
    assert many.weights[1].tobytes() == alone.weights[0].tobytes()
    many.go_to(7)
    alone.go_to(7)
    assert many.weights[1].tobytes() == alone.weights[0].tobytes()


def test_rows_of_many_blocks_are_summed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dense, kept = both(saved(tmp_path, "binary", 80_000, 10), monkeypatch)
    losses = []
    for problem in (dense, kept):
        trainer = Trainer(problem, learning_rates=[1e-4], seed=3, threads=2)
        trainer.advance(3)
        losses.append(trainer.loss[0])
    assert losses[1] == pytest.approx(losses[0], rel=1e-9)


def test_the_split_and_the_second_file_are_those_of_dense_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = saved(tmp_path, "binary"), saved(tmp_path, "binary", 70)
    for options in (
        {"how": Preparation(0.3, 7, stratify=True)},
        {"test": other},
    ):
        monkeypatch.undo()
        dense, kept = both(path, monkeypatch, **options)
        for name in ("x_train", "x_test"):
            np.testing.assert_allclose(getattr(kept, name).toarray(), getattr(dense, name))
        assert np.array_equal(kept.y_test, dense.y_test)
        assert kept.class_names == dense.class_names
        assert np.array_equal(kept.rows(kept.x_test, 3), dense.rows(dense.x_test, 3))
    assert arrays_digest(kept) != arrays_digest(dense)


def test_wide_data_never_become_dense(tmp_path: Path) -> None:
    x = sparse.random(2000, 60_000, density=5e-4, random_state=0, format="lil")
    x[0, 59_999] = 1.0
    x = x.tocsr()
    y = np.asarray(x.sum(axis=1)).ravel() > 15
    path = str(tmp_path / "wide.txt")
    dump_svmlight_file(x, y, path, zero_based=False)
    tracemalloc.start()
    problem = load_file(path)
    trainer = Trainer(problem, loss="cross-entropy", learning_rates=[1.0], start="zeros")
    trainer.advance(5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert problem.features == 60_000
    assert "60,000 features stay sparse, 0.05 % of the values are not zero" in problem.hints
    # dense they would be 960 MB
    assert peak < 100e6
    # the first step from zeros by hand: w = α·Xᵀ(y − ½)/n
    one = Trainer(problem, loss="cross-entropy", learning_rates=[1.0], start="zeros")
    one.advance(1)
    train = problem.x_train
    wanted = train.T @ (problem.y_train - 0.5) / train.shape[0]
    np.testing.assert_allclose(one.weights[0], wanted, rtol=1e-9, atol=1e-12)


def test_sparse_data_are_not_standardized_and_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, "binary")
    monkeypatch.setattr(arrays, "DENSE_BYTES", 0)
    problem = load_file(path, how=Preparation(standardize=True))
    assert any("they are not standardized" in hint for hint in problem.hints)
    assert np.array_equal(problem.x_train.toarray(), load_file(path).x_train.toarray())
    monkeypatch.setattr(arrays, "MOST_SPARSE", 39)
    with pytest.raises(ProblemError, match="40 features, more than 39"):
        load_file(path)


def test_sparse_data_run_to_the_report_and_are_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, "binary")
    options = ("-e", 20, "-a", 0.1, "--seed", 1, "--quiet", "--no-standardize")
    dense = call("run", path, *options, "--json", "-", "--no-store").document
    monkeypatch.setattr(arrays, "DENSE_BYTES", 0)
    kept = call("run", path, *options, "--json", "-").document
    np.testing.assert_allclose(
        kept["lanes"][0]["train_loss"], dense["lanes"][0]["train_loss"], rtol=1e-9
    )
    assert kept["lanes"][0]["report"] == dense["lanes"][0]["report"]
    run = str(json.loads(call("runs", "--json").out)["runs"][0]["id"])
    on = call("run", "--resume", run, "-e", 30, "--json", "-", "--quiet")
    whole = call("run", path, "-e", 30, *options[2:], "--json", "-", "--no-store")
    assert on.document["lanes"] == whole.document["lanes"]
    assert call("race", path, "--count", 4, "-e", 5, "--seed", 1).status == 0
    auto = call("run", path, "--seed", 1, "-e", 50, "--no-store")
    assert auto.status == 0
    assert "not standardized" in auto.err
    assert call("export", run, "weights", "report", "--to", tmp_path / "out").status == 0
    check_refusal(call(path, "--plain", "--seed", 1), "stay sparse", "gd-tui run")
