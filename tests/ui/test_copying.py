"""The numbers of panels as text: complete, safe to print, and in files that overwrite nothing."""

import os
import re

import numpy as np
import pytest

from tests.ui.test_loss_panel import Run
from tui_gd.errors import OutputError
from tui_gd.learning.optimizers import OPTIMIZERS
from tui_gd.problems.text import safe_text
from tui_gd.session.report import report_on
from tui_gd.ui.panels.data import DataPanel
from tui_gd.ui.panels.report import ReportPanel
from tui_gd.ui.panels.step import StepPanel
from tui_gd.ui.screens.exports import panel_text, write_panel


@pytest.fixture(scope="module")
def run():
    return Run(30)


def test_the_text_names_its_run_and_epoch(run):
    lane = run.view.snapshot.lane
    text = panel_text(run.view, "loss", ["one", "two"])
    assert text.split("\n") == [
        "gd-tui  blobs  loss  seed 3",
        f"PAUSED  epoch 30/30  loss {lane.loss!r}  alpha 0.01  lane A  sgd sse",
        "",
        "one",
        "two",
        "",
    ]
    assert "sgd" in OPTIMIZERS


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a?[31mb"),
        ("a\nb\rc\td", "a?b?c?d"),
        ("\u202eabc\u2028", "?abc?"),
        ("\udcff", "?"),
        ("\x9b1m\x00\x7f", "?1m??"),
        ("λ 猫 é", "λ 猫 é"),
    ],
)
def test_what_would_control_a_terminal_is_replaced(text, shown):
    assert safe_text(text, None) == shown


def test_a_hostile_name_of_a_lane_stays_on_its_line(run):
    lane = run.trainer.lanes[0]
    kept, lane.name = lane.name, "x\n\x1b]52;c;aGk=\x07y"
    try:
        text = panel_text(run.view, "loss", run.panel.numbers(run.view))
    finally:
        lane.name = kept
    assert not set(text) & {"\x1b", "\x07"}
    assert "x??]52;c;aGk=?y" in text


def test_a_file_is_written_whole_and_none_overwritten(run, tmp_path):
    names = [write_panel(run.view, "loss", f"text {k}\n", str(tmp_path)) for k in range(3)]
    assert [os.path.basename(name) for name in names] == [
        "gd-tui-blobs-loss-epoch30.txt",
        "gd-tui-blobs-loss-epoch30-2.txt",
        "gd-tui-blobs-loss-epoch30-3.txt",
    ]
    for k, name in enumerate(names):
        with open(name, encoding="utf-8") as file:
            assert file.read() == f"text {k}\n"
    assert sorted(os.listdir(tmp_path)) == sorted(map(os.path.basename, names))


def test_a_file_is_written_into_the_working_directory(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert write_panel(run.view, "step", "λ\n") == "gd-tui-blobs-step-epoch30.txt"
    assert os.listdir() == ["gd-tui-blobs-step-epoch30.txt"]


def test_a_link_to_nowhere_is_left_as_it_is(run, tmp_path):
    (tmp_path / "gd-tui-blobs-data-epoch30.txt").symlink_to(tmp_path / "elsewhere")
    assert write_panel(run.view, "data", "x", str(tmp_path)).endswith("-2.txt")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("/home/me/my data.csv", "my-data.csv"),
        ("../../etc/x", "x"),
        ("..", "data"),
        ("a" * 300, "a"),
    ],
)
def test_the_name_of_a_problem_is_no_path(name, part, tmp_path):
    run = Run(0)
    object.__setattr__(run.problem, "name", name)
    written = os.path.basename(write_panel(run.view, "loss", "x\n", str(tmp_path)))
    assert re.fullmatch(r"gd-tui-[\w.-]+-loss-epoch0\.txt", written)
    assert part in written
    assert len(written) < 80
    assert os.listdir(tmp_path) == [written]


def test_a_missing_folder_is_reported_in_one_line(run, tmp_path):
    with pytest.raises(OutputError, match="No such file") as caught:
        write_panel(run.view, "loss", "x\n", str(tmp_path / "gone"))
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_filled_is_removed(run, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write_panel(run.view, "loss", "x\n", str(tmp_path))
    assert os.listdir(tmp_path) == []


# the other panels ------------------------------------------------------------


@pytest.mark.parametrize("train", [False, True])
def test_the_data_panel_gives_every_point_with_its_class_and_p(run, train):
    panel = DataPanel()
    panel.train = train
    _, heading, *rows = panel.numbers(run.view)
    assert heading == f"{'train' if train else 'test'}, x1, x2, class, predicted, p"
    x = run.problem.x_train if train else run.problem.x_test
    y = run.problem.y_train if train else run.problem.y_test
    assert len(rows) == len(y) == 500
    for number, row in enumerate(rows):
        index, x1, x2, true, predicted, p = row.split(", ")
        assert int(index) == number + 1
        assert [float(x1), float(x2)] == x[number, :2].tolist()
        z = x[number] @ run.trainer.weights[0]
        assert float(p) == pytest.approx(1 / (1 + np.exp(-z)), rel=1e-12)
        assert true == f"class {y[number]}"
        assert predicted == f"class {int(z > 0)}"


@pytest.mark.parametrize("problem", ["iris", "diabetes", "digits"])
def test_the_data_panel_gives_the_points_of_other_tasks(problem):
    run = Run(3, problem=problem, alpha=(0.001,), standardize=True)
    _, heading, *rows = DataPanel().numbers(run.view)
    assert len(rows) == len(run.problem.y_test)
    classes = len(run.problem.class_names)
    assert all(row.count(", ") == heading.count(", ") for row in rows)
    if problem != "diabetes":
        chances = [float(p) for p in rows[5].split(", ")[-classes:]]
        assert sum(chances) == pytest.approx(1)


def test_the_report_panel_gives_the_printed_report_and_all_digits(run):
    panel = ReportPanel()
    assert panel.numbers(run.view) == []
    weights = run.trainer.weights[0]
    panel.take((), (report_on(run.problem, run.predictor, weights), "epoch 30", weights, None))
    lines = panel.numbers(run.view)
    assert lines[0] == "report, test rows, epoch 30"
    assert panel.report.text.rstrip("\n") in "\n".join(lines)
    hits = np.mean(
        run.predictor.predict(run.trainer.weights[0], run.problem.x_test) == run.problem.y_test
    )
    assert f"accuracy: {hits}" in lines
    counts = [list(map(int, line.split(": ")[1].split())) for line in lines[-2:]]
    assert counts == panel.report.confusion.tolist()


def test_the_step_panel_gives_every_weight_and_the_chain_with_all_digits(run):
    panel = StepPanel()
    panel.sample = 2
    lines = panel.numbers(run.view)
    lane = run.view.snapshot.lane
    start = next(i for i, line in enumerate(lines) if line.startswith("weight, ")) + 1
    for index, name in enumerate(("x1", "x2", "bias")):
        words = lines[start + index].split(", ")
        assert words[0] == name
        w, g = lane.weights[index], lane.gradient[index]
        assert [float(v) for v in words[1:]] == [w, g, 0.01 * g, w - 0.01 * g]
    x, y = run.problem.x_train[2], float(run.problem.y_train[2])
    p = 1 / (1 + np.exp(-(x @ lane.weights)))
    text = "\n".join(lines)
    assert "train row 3 of 500" in text
    share = next(line for line in lines if line.startswith("share of the gradient"))
    numbers = [float(v) for v in share.split(" = ")[-1].split(", ")]
    assert numbers == pytest.approx((p - y) * p * (1 - p) * x, rel=1e-12)


def test_a_network_has_a_line_for_every_weight():
    run = Run(3, problem="moons", hidden=(8, 8), loss="cross-entropy")
    lines = StepPanel().numbers(run.view)
    start = next(i for i, line in enumerate(lines) if line.startswith("weight, ")) + 1
    assert lines.index("", start) - start == run.trainer.model.parameters
