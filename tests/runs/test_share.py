"""A share line repeats a run bit for bit; a broken or hostile one is refused in one line."""

import base64
import hashlib
import json
import zlib
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.cli.commandline import call, check_refusal
from tests.runs.kept import record_of
from tui_gd.cli.options import is_line
from tui_gd.errors import ProblemError
from tui_gd.learning.engine import Interrupted
from tui_gd.problems import Problem, load_problem
from tui_gd.runs.recipe import BranchOff, Shared, replay
from tui_gd.runs.share import SHARED, open_line, share_line
from tui_gd.session.options import options_of
from tui_gd.session.settings import RunSettings
from tui_gd.training.trainer import Trainer

USUAL = RunSettings()
SETTINGS = options_of(RunSettings, *SHARED)
READING = {
    "number", "text", "dates", "skip_missing_target", "sep", "header", "decimal", "thousands",
    "missing", "comment", "skip_rows", "skip_footer", "encoding",
}  # fmt: skip
OF_FILES = {"init", "target", "drop", "test", "stratify", "task", *READING}
OF_FILES |= {"memory", "workers", "cluster"}


def line_of(document: object, version: str = "gd1") -> str:
    """A handmade line with a correct checksum."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(text) + packer.flush()
    check = hashlib.sha256(b"gd1:" + text).digest()[:4]
    return f"{version}:" + base64.urlsafe_b64encode(packed + check).rstrip(b"=").decode()


def document_of(line: str) -> dict[str, Any]:
    code = line.removeprefix("gd1:")
    data = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))
    document = json.loads(zlib.decompress(data[:-4], -15))
    assert isinstance(document, dict)
    return document


def repeated(line: str, problem: Problem | None = None) -> tuple[Trainer, Shared]:
    shared = open_line(line)
    trainer = shared.settings.make_trainer(problem or shared.settings.load_problem())
    replay(trainer, shared)
    return trainer, shared


def bits(trainer: Trainer) -> dict[str, tuple[bytes, bytes]]:
    return {
        lane.name: (trainer.weights[i].tobytes(), np.float64(trainer.loss[i]).tobytes())
        for i, lane in enumerate(trainer.lanes)
    }


def refused(line: str) -> str:
    with pytest.raises(ProblemError) as caught:
        open_line(line)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 300
    assert text.isascii()
    return text


@pytest.mark.parametrize(
    "run",
    [
        RunSettings(seed=4_000_000_000),
        RunSettings(problem="moons", hidden=(8, 8), optimizer=("adam",), alpha=(0.03,), seed=7),
        RunSettings(problem="digits", batch_size=32, standardize=True, epochs=3, seed=1),
        RunSettings(problem="surface:himmelblau", optimizer=("sgd", "adam"), seed=2),
        RunSettings(problem="surface", surface="x^2 + 10*y^2", start="zeros", seed=2),
        RunSettings(problem="line", alpha=(0.1, 0.2), loss="huber", l2=0.01, samples=60, noise=0.5),
        RunSettings(dtype="float32", schedule="warmup:5+cosine", epochs=30, seed=3),
        RunSettings(problem="spiral", classes=3, data_seed=9, test_size=0.25, split_seed=1),
    ],
)
def test_a_line_holds_the_settings_and_repeats_the_run(run: RunSettings) -> None:
    problem = run.load_problem()
    trainer = run.make_trainer(problem)
    trainer.advance(5)
    line = share_line(record_of(run, problem, trainer))
    assert 40 <= len(line) <= 200
    assert line.isascii()
    assert is_line(line)
    assert len(line.split()) == 1
    other, shared = repeated(line)
    assert shared == Shared(run, (), 5, 0)
    assert bits(other) == bits(trainer)


def test_a_line_holds_only_what_differs_from_the_defaults() -> None:
    run = RunSettings(seed=5, alpha=(0.01, 0.1))
    problem = run.load_problem()
    trainer = run.make_trainer(problem)
    trainer.advance(10)
    trainer.branch(1, 0.03, optimizer="adam")
    trainer.advance(10)
    trainer.set_learning_rate(0.5, 0)
    trainer.advance()
    trainer.lanes[2].name = "mine"
    exported = record_of(run, problem, trainer, current=2)
    assert document_of(share_line(exported)) == {
        "epoch": 21,
        "lane": 2,
        "settings": {"alpha": [0.01, 0.1], "seed": 5},
        "steps": [["b", 10, 1, 0.03, "adam"], ["a", 20, 0, 0.5], ["n", 2, "mine"]],
    }


def test_undone_changes_are_not_in_the_line() -> None:
    run = RunSettings(seed=5)
    problem = run.load_problem()
    trainer = run.make_trainer(problem)
    for rate in (0.02, 0.03, 0.04):
        trainer.advance(5)
        trainer.set_learning_rate(rate)
        trainer.branch()
        trainer.close(1)
    trainer.reset(6)
    trainer.advance(3)
    line = share_line(record_of(run, problem, trainer, seed=6))
    assert document_of(line) == {
        "epoch": 3,
        "numbers": [0, 4],  # three more lanes were made and closed: the next one is E
        "settings": {"alpha": [0.04], "seed": 5},
        "steps": [["s", 6]],
    }
    assert bits(repeated(line)[0]) == bits(trainer)


def test_a_lane_whose_parents_are_closed_is_repeated() -> None:
    run = RunSettings(optimizer=("momentum",), seed=1)
    problem = run.load_problem()
    trainer = run.make_trainer(problem)
    trainer.advance(4)
    trainer.branch(0, optimizer="adam")
    trainer.branch(1, optimizer="momentum")  # restarts the velocity
    trainer.advance(3)
    trainer.branch(2, loss="mse")
    for lane in (2, 1, 0):
        trainer.close(lane)
    trainer.advance(5)
    line = share_line(record_of(run, problem, trainer))
    other, _ = repeated(line)
    assert [lane.name for lane in other.lanes] == ["D"]
    assert bits(other) == bits(trainer)


def test_a_line_holds_up_to_64_weights_with_all_their_bits() -> None:
    run = RunSettings(seed=1)
    problem = run.load_problem()
    trainer = run.make_trainer(problem)
    weights = (0.1 + 0.2, -0.0, 5e-324)
    trainer.reset(weights=weights)
    line = share_line(record_of(run, problem, trainer))
    assert document_of(line)["steps"] == [["w", [0], [value.hex() for value in weights]]]
    other, _ = repeated(line)
    assert other.weights[0].tobytes() == np.array(weights).tobytes()

    run = RunSettings(problem="digits", seed=1)
    problem = run.load_problem()
    trainer = run.make_trainer(problem, initial_weights=np.full(650, 0.25))
    with pytest.raises(ProblemError, match="650 given weights") as caught:
        share_line(record_of(run, problem, trainer))
    assert "\n" not in str(caught.value)


def test_a_run_on_a_file_is_not_shared() -> None:
    problem = load_problem("blobs")
    run = RunSettings(problem="/tmp/data.csv", target="y")
    trainer = USUAL.make_trainer(problem)
    with pytest.raises(ProblemError, match="only built-in problems can be shared"):
        share_line(record_of(run, problem, trainer))


RATES = st.sampled_from([0.01, 0.03, 0.1, 0.7, 50.0])
RULES = st.sampled_from(["sgd", "momentum", "nesterov", "adam"])
LANE = st.integers(0, 6)
COMMANDS = st.one_of(
    st.tuples(st.just("advance"), st.integers(1, 6)),
    st.tuples(st.just("go_to"), st.floats(0, 1)),
    st.tuples(st.just("rate"), LANE, RATES),
    st.tuples(
        st.just("branch"),
        LANE,
        st.none() | RATES,
        st.none() | RULES,
        st.sampled_from([None, "mse", "cross-entropy"]),
    ),
    st.tuples(st.just("close"), LANE),
    st.tuples(st.just("reset"), st.none() | st.integers(0, 3)),
    st.tuples(st.just("weights"), LANE, st.floats(-2, 2)),
)
SMALL = load_problem("blobs", samples=30)


def carry_out(trainer: Trainer, command: tuple[Any, ...]) -> None:
    kind, *rest = command
    lanes = len(trainer.lanes)
    match kind, *rest:
        case "advance", epochs:
            trainer.advance(epochs)
        case "go_to", part:
            trainer.go_to(int(part * trainer.newest))
        case "rate", lane, rate:
            trainer.set_learning_rate(rate, lane % lanes)
        case "branch", lane, rate, rule, loss if lanes < 7:
            trainer.branch(lane % lanes, rate, optimizer=rule, loss=loss)
        case "close", lane:
            trainer.close(lane % lanes)
        case "reset", seed:
            trainer.reset(seed)
        case "weights", lane, value:
            weights = np.linspace(value, 1.0, trainer.model.parameters).tolist()
            trainer.reset(weights=weights, lane=lane % lanes)


@given(
    alpha=st.lists(RATES, min_size=1, max_size=2, unique=True),
    optimizer=st.lists(RULES, min_size=1, max_size=2, unique=True),
    commands=st.lists(COMMANDS, min_size=1, max_size=16),
    varied=st.sampled_from(
        [
            {},
            {"batch_size": 7},
            {"batch_size": 7, "hidden": (2,), "schedule": "cosine"},
            {"hidden": (2,), "target_loss": 3.0},
            {"target_loss": 3.0, "schedule": "cosine"},
            {"dtype": "float32"},
        ]
    ),
)
@example(
    alpha=[0.01],
    optimizer=["momentum"],
    commands=[
        ("advance", 3),
        ("branch", 0, None, "adam", None),
        ("branch", 1, None, "momentum", None),
        ("close", 1),
        ("close", 0),
        ("advance", 2),
    ],
    varied={},
)
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
def test_a_line_repeats_all_lanes_whatever_was_done_to_the_run(
    alpha: list[float],
    optimizer: list[str],
    commands: list[tuple[Any, ...]],
    varied: dict[str, Any],
) -> None:
    run = RunSettings(
        samples=30, alpha=tuple(alpha), optimizer=tuple(optimizer), epochs=20, seed=2, **varied
    )
    trainer = run.make_trainer(SMALL)
    for command in commands:
        carry_out(trainer, command)
    current = trainer.lanes[-1]
    line = share_line(record_of(run, SMALL, trainer, current=current.number))
    other, shared = repeated(line, SMALL)
    assert other.epoch == trainer.epoch or trainer.diverged.all()
    assert bits(other) == bits(trainer)
    assert other.lanes[shared.current].name == current.name
    assert other.current == current.number
    if other.epoch == trainer.epoch:
        for one in (trainer, other):
            one.advance(4)
            one.branch()
            one.advance(2)
        assert other.stopped == trainer.stopped
        assert other.epoch == trainer.epoch
        assert bits(other) == bits(trainer)


def test_an_interrupted_trainer_ends_the_replay() -> None:
    trainer = USUAL.make_trainer(SMALL)
    trainer.interrupt = True
    with pytest.raises(Interrupted):
        replay(trainer, Shared(USUAL, (BranchOff(50, 0),), 100))
    assert trainer.epoch < 50


@pytest.mark.parametrize("place", ["first", "middle", "last", "cut", "added", "swapped"])
def test_a_damaged_line_is_refused(place: str) -> None:
    line = line_of({"settings": {"problem": "moons", "seed": 123}, "epoch": 7})
    code = line[4:]
    damaged = {
        "first": "A" + code[1:],
        "middle": code[:20] + ("A" if code[20] != "A" else "B") + code[21:],
        "last": code[:-2] + ("AA" if code[-2:] != "AA" else "BB"),
        "cut": code[:-5],
        "added": code + "AAAA",
        "swapped": code[:10] + code[11] + code[10] + code[12:],
    }[place]
    assert "gd1:" + damaged != line
    assert "copy it whole" in refused("gd1:" + damaged)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_other_text_does_not_open(text: str) -> None:
    refused("gd1:" + text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(
    chosen=st.dictionaries(st.sampled_from(sorted(SETTINGS)), JSON, max_size=3),
    steps=st.lists(st.tuples(st.sampled_from("swbaxn"), JSON, JSON, JSON).map(list), max_size=3),
    epoch=JSON,
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_document_in_a_line_opens_or_is_refused(
    chosen: dict[str, Any], steps: list[Any], epoch: Any
) -> None:
    line = line_of({"settings": chosen, "steps": steps, "epoch": epoch})
    try:
        shared = open_line(line)
    except ProblemError:
        refused(line)
    else:
        for name, value in chosen.items():
            found = getattr(shared.settings, name)
            assert found == (tuple(value) if isinstance(value, list) else value)


def test_a_line_broken_by_a_mail_program_opens() -> None:
    line = line_of({"settings": {"problem": "moons", "seed": 123, "hidden": [8, 8]}, "epoch": 7})
    broken = f"  {line[:30]}\n  {line[30:60]}\r\n{line[60:]}\n"
    assert is_line(broken)
    assert open_line(broken) == open_line(line)


@pytest.mark.parametrize(
    ("document", "part"),
    [
        ([], "a run"),
        ({"code": 1}, "update"),
        ({"settings": []}, "settings"),
        ({"settings": {"init": "/etc/passwd"}}, "init"),
        ({"settings": {"target": "y.npy"}}, "target"),
        ({"settings": {"problem": "/etc/passwd.npy"}}, "built in"),
        ({"settings": {"problem": "surface"}}, "formula"),
        ({"settings": {"problem": 3}}, "problem"),
        ({"settings": {"epochs": 0}}, "epochs"),
        ({"settings": {"epochs": True}}, "epochs"),
        ({"settings": {"epochs": 1e3}}, "epochs"),
        ({"settings": {"epochs": 10**400}}, "epochs"),
        ({"settings": {"alpha": 0.1}}, "alpha"),
        ({"settings": {"alpha": []}}, "alpha"),
        ({"settings": {"alpha": [0]}}, "alpha"),
        ({"settings": {"alpha": ["0.1"]}}, "alpha"),
        ({"settings": {"alpha": [10**400]}}, "alpha"),
        ({"settings": {"alpha": [0.1] * 1025}}, "alpha"),
        ({"settings": {"alpha": [0.1] * 1000, "optimizer": ["sgd", "adam"]}}, "lanes"),
        ({"settings": {"optimizer": ["\x1b[2J"]}}, "optimizer"),
        ({"settings": {"momentum": 1}}, "momentum"),
        ({"settings": {"hidden": [10_000, 10_000]}}, "hidden"),
        ({"settings": {"hidden": [-1]}}, "hidden"),
        ({"settings": {"schedule": "cosine+1"}}, "schedule"),
        ({"settings": {"schedule": "step:" + "9" * 5000 + ":1"}}, "schedule"),
        ({"settings": {"standardize": 1}}, "standardize"),
        ({"settings": {"seed": -1}}, "seed"),
        ({"settings": {"surface": "x\x1b[2J"}}, "surface"),
        ({"settings": {"test_size": 1.0}}, "test_size"),
        ({"epoch": -1}, "epoch"),
        ({"epoch": "3"}, "epoch"),
        ({"lane": 1}, "lane"),
        ({"steps": {}}, "steps"),
        ({"steps": [[]]}, "step"),
        ({"steps": ["b"]}, "step"),
        ({"steps": [["q", 1]]}, "step"),
        ({"steps": [[["b"], 1]]}, "step"),
        ({"steps": [["b", 1]]}, "step"),
        ({"steps": [["b", 1, 1]]}, "step"),
        ({"steps": [["b", 1, 0, -0.1]]}, "step"),
        ({"steps": [["b", 1, 0, 0.1, "none"]]}, "step"),
        ({"steps": [["b", 1, 0, 0.1, "sgd", "mse", 1]]}, "step"),
        ({"steps": [["a", 5, 0, 0.1], ["a", 4, 0, 0.2]]}, "step"),
        ({"steps": [["a", 5, 0, 0]]}, "step"),
        ({"steps": [["a", 5, 0.5, 0.1]]}, "step"),
        ({"steps": [["x", 5, 0]]}, "step"),
        ({"steps": [["b", 1, 0], ["x", 5, 0], ["a", 6, 0, 0.1]]}, "closed"),
        ({"steps": [["a", 5, 0, 0.1], ["s", 3]]}, "before"),
        ({"steps": [["w", [0], [0.5]]]}, "hexadecimal"),
        ({"steps": [["w", [0], ["nan"]]]}, "hexadecimal"),
        ({"steps": [["w", [0], ["0x1p+9999"]]]}, "finite"),
        ({"steps": [["w", [0], ["0x1p+0"] * 65]]}, "list"),
        ({"steps": [["w", [], ["0x1p+0"]]]}, "list"),
        ({"steps": [["n", 0, "\x1b]0;title\x07"]]}, "printable"),
        ({"steps": [["n", 0, "x" * 65]]}, "printable"),
        ({"steps": [["b", 0, 0]] * 1024}, "lanes"),
    ],
)
def test_values_in_a_line_are_read_within_limits(document: object, part: str) -> None:
    assert part in refused(line_of(document))


@pytest.mark.parametrize("text", ["NaN", '{"epoch":Infinity}', "[" * 100_000, "{", '"' + "x" * 9])
def test_invalid_json_is_refused(text: str) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(text.encode()) + packer.flush()
    check = hashlib.sha256(b"gd1:" + text.encode()).digest()[:4]
    refused("gd1:" + base64.urlsafe_b64encode(packed + check).decode().rstrip("="))


def test_a_compression_bomb_is_not_unpacked() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(b" " * (12 << 20)) + packer.flush()
    line = "gd1:" + base64.urlsafe_b64encode(packed + b"1234").decode().rstrip("=")
    assert len(line) < 20_000
    assert "unpacks to more than" in refused(line)
    assert "20000" in refused("gd1:" + "A" * 20_000)


def test_another_version_is_refused_by_name() -> None:
    assert is_line("gd2:abc")
    assert "gd2" in refused(line_of({}, "gd2"))


def test_steps_that_do_not_fit_the_problem_are_refused_on_replay() -> None:
    for document in (
        {"steps": [["b", 1, 0, None, None, "mae"]]},
        {"steps": [["w", [0], ["0x1p+0"]]]},
    ):
        with pytest.raises(ProblemError, match="does not fit") as caught:
            repeated(line_of(document), SMALL)
        assert "\n" not in str(caught.value)


def test_a_line_holds_every_setting_except_those_of_files() -> None:
    assert {field.name for field in fields(RunSettings)} - set(SETTINGS) == OF_FILES


def test_the_run_without_an_interface_opens_a_line() -> None:
    line = line_of({"settings": {"seed": 3, "epochs": 20, "alpha": [0.02]}, "epoch": 20})
    said, usual = call("run", line), call("run", "--seed", 3, "-e", 20, "-a", 0.02)
    assert said.status == usual.status == 0
    assert said.out == usual.out
    check_refusal(call("run", line[:-3]), "copy it whole")
    check_refusal(call("run", line, "-a", "0.5"), "--alpha", "share line")
    for command in ("race", "check"):
        check_refusal(call(command, line), "share line")


def test_a_line_with_a_branch_runs_to_its_last_epoch() -> None:
    steps = [["b", 5, 0, 0.05]]
    line = line_of({"settings": {"seed": 3, "epochs": 20}, "steps": steps, "epoch": 8})
    said = call("run", line, "--json", "-", "--quiet")
    run = replace(USUAL, seed=3, epochs=20)
    trainer = run.make_trainer(run.load_problem())
    trainer.advance(5)
    trainer.branch(0, 0.05)
    trainer.advance(15)
    assert [lane["weights"] for lane in said.document["lanes"]] == trainer.weights.tolist()
