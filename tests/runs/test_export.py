"""Exports, checked by other readers of the files."""

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import joblib
import numpy as np
import pytest
from PIL import Image
from sklearn import metrics
from sklearn.metrics import accuracy_score, classification_report
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.cli.commandline import ROOT, call, check_refusal
from tests.making import every
from tests.runs.kept import record_of
from tests.tutorial import data, descend
from tui_gd.cli.options import KINDS as NAMED
from tui_gd.errors import OutputError, ProblemError
from tui_gd.problems import Problem
from tui_gd.runs.exports import KINDS, SCREEN, USUAL, export, figure, tables, why_not
from tui_gd.runs.record import RunRecord
from tui_gd.runs.share import share_line
from tui_gd.runs.store import Store
from tui_gd.session.settings import RunSettings
from tui_gd.training.spans import points_of

HOSTILE = "=1+1,$x$\x1b[2J|`*_é漢"


def exported_run(epochs: int = 20, **given: Any) -> RunRecord:
    settings = RunSettings(**{"seed": 3, **given})
    problem = settings.load_problem()
    trainer = settings.make_trainer(problem)
    trainer.record_norms()
    trainer.advance(epochs)
    return record_of(settings, problem, trainer)


def branched_run() -> RunRecord:
    settings = RunSettings(seed=3, alpha=(0.01, 0.02), samples=60, schedule="inverse:0.5")
    problem = settings.load_problem()
    trainer = settings.make_trainer(problem)
    trainer.record_norms()
    trainer.advance(5)
    trainer.set_learning_rate(0.05, 1)
    trainer.advance(5)
    trainer.branch(0, 0.1, optimizer="adam", loss="mse")
    trainer.advance(5)
    trainer.go_to(12)
    return record_of(settings, problem, trainer, current=2)


def test_the_current_lane_is_exported() -> None:
    settings = RunSettings(seed=3, alpha=(0.01, 0.02, 0.03), samples=60)
    problem = settings.load_problem()
    trainer = settings.make_trainer(problem)
    assert record_of(settings, problem, trainer).lane.name == "A"
    trainer.current = 1
    assert record_of(settings, problem, trainer).lane.name == "B"
    assert record_of(settings, problem, trainer, current=2).lane.name == "C"
    trainer.close(1)
    assert record_of(settings, problem, trainer).lane.name == "C"


def named(exported: RunRecord, name: str, **other: Any) -> RunRecord:
    """The same run with a lane and a problem of another name."""
    first, *rest = exported.checkpoint.lanes
    checkpoint = replace(exported.checkpoint, lanes=(replace(first, name=name), *rest))
    problem = replace(exported.problem, name=name, **other)
    return replace(exported, checkpoint=checkpoint, problem=problem)


# the report


def test_the_report_agrees_with_scikit_learn(tmp_path: Path) -> None:
    run = exported_run(epochs=50)
    paths = export(run, "report", tmp_path)
    assert [path.name for path in paths] == ["report.txt", "report.md", "report.json"]
    split = data()
    start = np.random.default_rng(3).standard_normal(3)
    _, losses, _ = descend(split.train_x, split.train_y, start, 0.01, 51)
    # the loss after 50 epochs is the one before the 51st update
    after, _, _ = descend(split.train_x, split.train_y, start, 0.01, 50)
    predicted = (split.test_x @ after > 0).astype(int)
    expected = classification_report(split.test_y[:, 0], predicted)
    text, markdown, document = (path.read_text() for path in paths)
    assert expected.strip() in text
    for line in expected.strip().splitlines():
        assert line in markdown
    lane = json.loads(document)["lanes"][0]
    assert lane["final_train_loss"] == pytest.approx(losses[50], rel=1e-10)
    assert f"{losses[50]:.8g}"[:8] in text
    assert lane["weights"] == pytest.approx(after.tolist(), rel=1e-10)
    assert lane["report"]["accuracy"] == accuracy_score(split.test_y[:, 0], predicted)
    p = 1 / (1 + np.exp(-split.test_x @ after))
    assert lane["final_test_loss"] == pytest.approx(((p - split.test_y[:, 0]) ** 2).sum())
    assert "gd-tui blobs --seed 3" in text


def test_the_report_lists_all_lanes_and_their_changes(tmp_path: Path) -> None:
    text, markdown, document = (
        path.read_text() for path in export(branched_run(), "report", tmp_path)
    )
    for shown in (text, markdown):
        assert "after 12 epochs of 15 on record" in shown
        assert "lane C: from A at epoch 10" in shown
        assert "lane B: alpha 0.02, 0.05 from epoch 5" in shown
    lanes = json.loads(document)["lanes"]
    assert [lane["name"] for lane in lanes] == ["A", "B", "C"]
    assert [lane["current"] for lane in lanes] == [False, False, True]
    assert [lane["loss"] for lane in lanes] == ["sse", "sse", "mse"]
    assert lanes[2]["rates"] == [[0, 0.01], [10, 0.1]]
    assert lanes[2]["methods"] == [[0, "sgd", "sse"], [10, "adam", "mse"]]


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"problem": "line"}, "root mean squared error"),
        ({"problem": "surface:himmelblau", "alpha": (0.003,)}, "nearest minimum"),
        ({"problem": "iris"}, "versicolor"),
    ],
)
def test_every_task_has_a_report(given: dict[str, Any], part: str, tmp_path: Path) -> None:
    for path in export(exported_run(**given), "report", tmp_path):
        assert part in path.read_text()


def test_a_diverged_lane_is_reported_and_json_stays_valid(tmp_path: Path) -> None:
    run = exported_run(problem="line", alpha=(0.1, 50.0), epochs=400)
    text, _, document = (path.read_text() for path in export(run, "report", tmp_path))
    assert "lane B: diverged after epoch" in text
    lane = json.loads(document, parse_constant=pytest.fail)["lanes"][1]
    assert lane["diverged"] > 0
    assert np.isfinite(lane["final_train_loss"])


def test_hostile_names_do_no_harm(tmp_path: Path) -> None:
    run = named(exported_run(), HOSTILE, feature_names=(HOSTILE, "_x"), class_names=("$a", "_b"))
    paths = export(run, [kind for kind in KINDS if kind != "screen"], tmp_path)
    for path in paths:
        if path.suffix in {".txt", ".md", ".csv", ".json", ".py", ".svg"}:
            assert "\x1b" not in path.read_text(), path
    rows = list(csv.reader(io.StringIO((tmp_path / "losses.csv").read_text())))
    assert not rows[1][1].startswith("=")
    assert "\\|" in (tmp_path / "report.md").read_text()
    compile((tmp_path / "repeat.py").read_text(), "repeat.py", "exec")
    ElementTree.parse(tmp_path / "loss.svg")
    ElementTree.parse(tmp_path / "decision.svg")
    assert all(tmp_path in path.resolve().parents for path in paths)


# losses


def test_losses_are_written_with_all_digits(tmp_path: Path) -> None:
    run = branched_run()
    (path,) = export(run, "losses", tmp_path)
    header, *rows = csv.reader(path.read_text().splitlines())
    assert header == ["epoch", "lane", "alpha", "train_loss", "test_loss", "gradient_norm"]
    assert len(rows) == 3 * 16
    for name, lane in zip("ABC", run.lanes, strict=True):
        own = [row for row in rows if row[1] == name]
        assert [int(row[0]) for row in own] == list(range(16))
        for column, kind in enumerate(("train", "test", "norm"), 3):
            kept = every(run.series(kind, lane))
            assert [float(row[column]) for row in own] == kept.tolist()
    factor = [1 / (epoch + 1) ** 0.5 for epoch in range(16)]
    rates = [0.02] * 5 + [0.05] * 11
    own = [row for row in rows if row[1] == "B"]
    assert [float(row[2]) for row in own] == pytest.approx(
        [rate * part for rate, part in zip(rates, factor, strict=True)], rel=1e-15
    )


def test_unknown_losses_are_blank_and_can_be_computed(tmp_path: Path) -> None:
    settings = RunSettings(seed=3, samples=40)
    problem = settings.load_problem()
    trainer = settings.make_trainer(problem, test_losses=False)
    trainer.advance(6)
    trainer.branch(0, 0.1)
    trainer.advance(4)
    run = record_of(settings, problem, trainer)
    (path,) = export(run, "losses", tmp_path)
    assert all(
        row[4] == row[5] == "" for row in list(csv.reader(path.read_text().splitlines()))[1:]
    )
    assert run.missing_epochs() == 22
    whole = run.completed()
    assert whole.missing_epochs() == 0
    (path,) = export(whole, "losses", tmp_path)
    twin = settings.make_trainer(problem)
    twin.record_norms()
    twin.advance(6)
    twin.branch(0, 0.1)
    twin.advance(4)
    expected = record_of(settings, problem, twin)
    (other,) = export(expected, "losses", tmp_path / "other")
    assert path.read_bytes() == other.read_bytes()


# weights


def test_weights_are_named_and_exact(tmp_path: Path) -> None:
    run = branched_run()
    export(run, "weights", tmp_path)
    with np.load(tmp_path / "weights.npz", allow_pickle=False) as arrays:
        kept = np.stack([run.weights(lane) for lane in run.lanes])
        assert arrays["weights"].tobytes() == kept.tobytes()
        assert arrays["layer1"].shape == (3, 3, 1)
        assert arrays["features"].tolist() == ["x1", "x2"]
        assert arrays["lanes"].tolist() == ["A", "B", "C"]
        assert arrays["epoch"] == 12
    document = json.loads((tmp_path / "weights.json").read_text())
    first = document["lanes"][0]["weights"]
    assert [*first["weights"].values(), first["bias"]] == kept[0].tolist()
    assert list(first["weights"]) == ["x1", "x2"]
    said = call("run", "--init", tmp_path / "weights.npy", "-a", "1,2,3", "-e", 1, "--json", "-")
    assert [lane["initial_weights"] for lane in said.document["lanes"]] == kept.tolist()


def test_weights_of_a_network_are_listed_layer_by_layer(tmp_path: Path) -> None:
    run = exported_run(problem="iris", hidden=(4,))
    export(run, "weights", tmp_path)
    layers = json.loads((tmp_path / "weights.json").read_text())["lanes"][0]["weights"]
    x = run.problem.rows(run.problem.x_test, slice(None))[:, :-1]
    names = list(run.problem.feature_names)
    hidden = np.stack(
        [np.tanh(x @ [unit["weights"][n] for n in names] + unit["bias"]) for unit in layers[0]], 1
    )
    units = [unit["unit"] for unit in layers[0]]
    scores = [hidden @ [one["weights"][n] for n in units] + one["bias"] for one in layers[1]]
    assert [one["unit"] for one in layers[1]] == ["setosa", "versicolor", "virginica"]
    predicted = run.predictor.predict(run.weights(run.lane), run.problem.x_test)
    assert np.argmax(scores, axis=0).tolist() == predicted.tolist()


# scripts


PLAIN = [
    {},
    {"loss": "cross-entropy", "problem": "moons", "alpha": (0.5,)},
    {"loss": "mse", "problem": "circles", "start": "zeros", "samples": 80},
    {"problem": "line", "test_size": 0.25, "split_seed": 1, "noise": 0.0},
    {"problem": "plane", "loss": "sse", "data_seed": 0, "alpha": (0.001,)},
    {"problem": "diabetes"},
]
THROUGH_THE_PACKAGE = [
    {"problem": "moons", "hidden": (3,), "optimizer": ("adam",)},
    {"problem": "iris", "batch_size": 16, "standardize": True, "l2": 0.01},
    {"problem": "surface:booth"},
    {"target_loss": 1.0, "schedule": "cosine"},
    {"problem": "blobs", "alpha": (0.01, 0.1)},
]


def begun_elsewhere() -> tuple[RunRecord, RunRecord]:
    """A run that starts at given weights, and one restarted with another seed."""
    settings = RunSettings(seed=3)
    problem = settings.load_problem()
    trainer = settings.make_trainer(problem)
    trainer.reset(weights=(0.5, -1.0, 1e-3))
    trainer.advance(10)
    first = record_of(settings, problem, trainer)
    trainer.reset(8)
    trainer.advance(10)
    return first, record_of(settings, problem, trainer, seed=8)


def test_the_scripts_repeat_the_runs(tmp_path: Path) -> None:
    plain = [*(exported_run(**given) for given in PLAIN), *begun_elsewhere()]
    other = [*(exported_run(**given) for given in THROUGH_THE_PACKAGE), branched_run()]
    runs, paths = [*plain, *other], []
    for number, run in enumerate(runs):
        (path,) = export(run, "script", tmp_path / str(number))
        text = path.read_text()
        assert ("tui_gd" not in text) == (number < len(plain)), text
        assert len(text.splitlines()) <= 20
        paths.append(path)
    for run, printed in zip(runs, printed_by(paths), strict=True):
        expected = {lane.name: run.value("train", lane) for lane in run.lanes}
        assert printed == pytest.approx(expected, rel=1e-10)


def printed_by(scripts: list[Path]) -> list[dict[str, float]]:
    """Run the scripts in another process; return what they print, lane by lane."""
    code = "import runpy, sys\nfor path in sys.argv[1:]:\n    runpy.run_path(path)\n    print('--')"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *scripts],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    printed = []
    for part in done.stdout.split("--\n")[:-1]:
        lines = (line.removeprefix("lane ").split(", loss ") for line in part.splitlines())
        printed.append({name: float(loss) for name, loss in lines})
    return printed


# scikit-learn


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"problem": "iris", "hidden": (4,), "optimizer": ("adam",)},
        {"problem": "wine", "standardize": True},
        {"problem": "breast-cancer", "standardize": True, "dtype": "float32"},
        {"problem": "diabetes"},
        {"problem": "moons", "loss": "hinge"},
    ],
)
def test_the_estimator_predicts_as_the_run_does(given: dict[str, Any], tmp_path: Path) -> None:
    run = exported_run(**given)
    (path,) = export(run, "estimator", tmp_path)
    estimator = joblib.load(path)
    problem = run.problem
    x = problem.rows(problem.x_test, slice(None))
    weights = run.weights(run.lane)
    said = estimator.predict(x[:, :-1])
    if problem.task == "regression":
        assert said == pytest.approx(run.predictor.scores(weights, x), rel=1e-12)
        return
    predicted = run.predictor.predict(weights, x)
    assert [str(label) for label in said] == [problem.class_names[i] for i in predicted]
    assert estimator.n_iter_ == run.epoch
    assert estimator.coefs_[0].shape[0] == problem.features
    if given.get("loss") != "hinge":
        chances = run.predictor.probabilities(weights, x)
        assert estimator.predict_proba(x[:, :-1]) == pytest.approx(chances, rel=1e-12)


def test_whole_number_labels_become_numbers(tmp_path: Path) -> None:
    (path,) = export(exported_run(), "estimator", tmp_path)
    assert joblib.load(path).classes_.tolist() == [0, 1]


# pictures


def test_curves_and_maps_are_pictures(tmp_path: Path) -> None:
    paths = export(branched_run(), ["curve", "map"], tmp_path)
    assert [path.name for path in paths] == [
        "loss.png",
        "loss.svg",
        "decision.png",
        "decision.svg",
    ]
    for path in (tmp_path / "loss.png", tmp_path / "decision.png"):
        with Image.open(path) as image:
            image.load()
            assert image.size == (1200, 750)
            assert len(image.convert("RGB").getcolors(1 << 24) or []) > 20
    for path in (tmp_path / "loss.svg", tmp_path / "decision.svg"):
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    assert "matplotlib.pyplot" not in sys.modules


def test_the_boundary_of_a_map_lies_at_the_threshold_of_the_run(tmp_path: Path) -> None:
    areas = []
    for threshold in (0.1, 0.5, 0.9):
        export(exported_run(threshold=threshold), "map", tmp_path)
        with Image.open(tmp_path / "decision.png") as image:
            pixels = np.asarray(image.convert("RGB")).astype(int)
        # matplotlib's second colour, ff7f0e, at 30 % on white
        areas.append(int((abs(pixels - (255, 217, 183)) <= 1).all(axis=2).sum()))
    assert areas[0] > areas[1] > areas[2] > 0


def test_the_same_run_gives_the_same_picture(tmp_path: Path) -> None:
    (first,) = [p.read_bytes() for p in export(branched_run(), "curve", tmp_path)[:1]]
    (again,) = [p.read_bytes() for p in export(branched_run(), "curve", tmp_path)[:1]]
    assert first == again


def test_no_spike_is_lost_in_a_long_curve() -> None:
    values = 1 / np.arange(1.0, 300_001.0)
    values[123_456], values[200_001], values[9] = 7.0, -3.0, np.nan
    epochs, kept = figure._thinned(points_of(0, values))
    assert len(kept) <= figure.POINTS + 2
    assert dict(zip(epochs, kept, strict=True))[123_456] == 7.0
    assert kept.min() == -3.0
    assert epochs[0] == 0
    assert epochs[-1] == 299_999
    assert (np.diff(epochs) > 0).all()


def test_a_branch_is_drawn_from_where_it_left_its_parent() -> None:
    run = branched_run()
    epochs, values = figure._own_epochs(run, run.lanes[2], "train")
    assert epochs.tolist() == list(range(10, 16))
    assert values.tolist() == every(run.series("train", run.lanes[2]))[10:].tolist()
    assert figure._own_epochs(run, run.lanes[1], "train")[0].tolist() == list(range(16))


@pytest.mark.parametrize(
    "given",
    [
        {"problem": "surface:two-valleys-1d"},
        {"problem": "gaussians", "classes": 5},
        {"alpha": tuple(np.linspace(0.001, 0.1, 30).tolist())},
        {"problem": "line", "alpha": (1e6,), "epochs": 500},
    ],
)
def test_a_curve_is_drawn_of_any_run(given: dict[str, Any], tmp_path: Path) -> None:
    run = exported_run(**given)
    export(run, "curve", tmp_path)
    if not why_not(run, "map"):
        export(run, "map", tmp_path)


def test_a_map_needs_two_features_and_classes() -> None:
    assert "has 4" in why_not(exported_run(problem="iris", epochs=1), "map")
    assert "classes" in why_not(exported_run(problem="plane", epochs=1), "map")
    assert "classes" in why_not(exported_run(problem="surface:booth", epochs=1), "map")
    assert why_not(exported_run(epochs=1), "map") == ""


# TensorBoard


def test_tensorboard_reads_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = branched_run()
    paths = export(run, "tensorboard", tmp_path)
    assert [path.parent.name for path in paths] == ["A", "B", "C"]
    for path, lane in zip(paths, run.lanes, strict=True):
        found = EventAccumulator(str(path.parent), size_guidance={"scalars": 0})
        found.Reload()
        scores = {"score/roc_auc", "score/average_precision", "score/log_loss"}
        by_epoch = {"loss/train", "loss/test", "gradient_norm", "alpha"}
        assert set(found.Tags()["scalars"]) == by_epoch | scores
        y = run.problem.y_test
        p = run.predictor.probabilities(run.weights(lane), run.problem.x_test)[:, 1]
        for name, measure in (
            ("roc_auc", metrics.roc_auc_score),
            ("average_precision", metrics.average_precision_score),
            ("log_loss", metrics.log_loss),
        ):
            (score,) = found.Scalars(f"score/{name}")
            assert (score.step, score.value) == (run.epoch, pytest.approx(measure(y, p), rel=1e-6))
        scalars = found.Scalars("loss/train")
        assert [one.step for one in scalars] == list(range(16))
        kept = every(run.series("train", lane)).astype(np.float32)
        assert [one.value for one in scalars] == kept.tolist()
    monkeypatch.setattr(tables, "EPOCHS", 4)
    (path, *_) = export(run, "tensorboard", tmp_path)
    found = EventAccumulator(str(path.parent), size_guidance={"scalars": 0})
    found.Reload()
    assert [one.step for one in found.Scalars("loss/train")] == [0, 5, 10, 15]


# what is not there, and files


@pytest.mark.parametrize(
    ("kind", "module", "extra"),
    [("curve", figure, "plots"), ("map", figure, "plots"), ("tensorboard", tables, "tensorboard")],
)
def test_a_missing_extra_is_named(
    kind: str, module: Any, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    run = exported_run(epochs=2)
    with pytest.raises(ProblemError) as caught:
        export(run, ["report", kind], tmp_path / "out")
    assert f"pip install 'gd-tui[{extra}]'" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_the_screen_is_written_unchanged(tmp_path: Path) -> None:
    (path,) = export(exported_run(), "screen", tmp_path, picture="<svg>ü</svg>")
    assert path.read_text() == "<svg>ü</svg>"
    with pytest.raises(ProblemError, match="interface"):
        export(exported_run(), "screen", tmp_path)
    with pytest.raises(ProblemError, match="unknown kind"):
        export(exported_run(), "nonsense", tmp_path)


def test_files_are_written_whole_or_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = exported_run()
    (path,) = export(run, "losses", tmp_path)
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tui_gd.files.os.fsync", fail)
    with pytest.raises(OutputError, match="No space left"):
        export(exported_run(epochs=40), "losses", tmp_path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["losses.csv"]


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProblemError) as caught:
        export(exported_run(), "losses", tmp_path / "file" / "folder")
    assert "\n" not in str(caught.value)


def test_the_command_line_takes_every_kind_but_the_screen() -> None:
    assert set(NAMED) == set(KINDS) - {"screen"}
    assert set(USUAL) <= set(NAMED)
    assert SCREEN == "screen"


# the command line


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Problem, RunSettings]:
    monkeypatch.setenv("GD_TUI_DATA", str(tmp_path / "kept"))
    settings = RunSettings(seed=11, alpha=(0.01, 0.03), epochs=30)
    said = call("run", "--seed", 11, "-a", "0.01,0.03", "-e", 30, "--quiet")
    assert said.status == 0
    with Store() as store:
        (run,) = store.runs()
    return run.id, settings.load_problem(), settings


def test_a_kept_run_is_shared(kept: tuple[str, Problem, RunSettings]) -> None:
    run, problem, settings = kept
    trainer = settings.make_trainer(problem)
    trainer.advance(30)
    said = call("share", run)
    assert said.out == share_line(record_of(settings, problem, trainer)) + "\n"
    again = call("run", said.out.strip(), "--quiet", "--json", "-", "--no-store")
    assert [lane["weights"] for lane in again.document["lanes"]] == trainer.weights.tolist()
    check_refusal(call("share", "zzzz"))
    check_refusal(call("share"))


def test_a_kept_run_is_exported(
    kept: tuple[str, Problem, RunSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, problem, settings = kept
    monkeypatch.chdir(tmp_path)
    said = call("export", run)
    folder = Path(f"gd-tui-{run}")
    assert said.status == 0
    assert said.out.splitlines() == [str(path) for path in map(Path, said.out.splitlines())]
    assert {Path(line).parent for line in said.out.splitlines()} == {folder}
    assert "--complete" in said.err
    said = call("export", run, "losses", "--complete", "--to", "whole")
    assert said.err == ""
    trainer = settings.make_trainer(problem)
    trainer.record_norms()
    trainer.advance(30)
    (path,) = export(record_of(settings, problem, trainer), "losses", tmp_path / "other")
    assert Path("whole/losses.csv").read_bytes() == path.read_bytes()

    said = call("export", run, "--estimator", "lane.joblib", "--lane", "B")
    assert said.out == "lane.joblib\n"
    estimator = joblib.load("lane.joblib")
    assert estimator.coef_.ravel().tolist() == trainer.weights[1, :-1].tolist()

    check_refusal(call("export", run, "nonsense"), "nonsense", "report")
    check_refusal(call("export", run, "--lane", "Q"), "its lanes are A, B")
    check_refusal(call("export", run, "report", "--to", "lane.joblib/x"), "lane.joblib/x")
    check_refusal(call("export", "zzzz"))
