"""Lesson files: every fault has one line with its place, and what comes with gd-tui works."""

import random
from pathlib import Path

import pytest

from tests.tutorial import data
from tui_gd.errors import ProblemError
from tui_gd.lessons.check import check_lesson
from tui_gd.lessons.lesson import Lesson, LessonError, parse_lesson, read_lesson
from tui_gd.lessons.library import ORDER, bundled, template
from tui_gd.lessons.player import Player, seed_of
from tui_gd.lessons.replay import begin, curves
from tui_gd.ui.keys import ACTIONS

KEYS = {action.name for action in ACTIONS}
SMALL = """\
format_version = 1
id = "small"
title = "Small"
run = "--surface 'x^2 + 10*y^2' -a 0.02 --seed student"

[[step]]
predict = "What will y be multiplied by?"
then = ["step"]
number = "1 - 20*alpha"
within = 0.01

[[step]]
do = "Below a 1000th."
until = "loss < loss@0/1000 and alpha@0 > 0.02"
solution = ["reset", "alpha 0.08", "run 40"]
"""


@pytest.mark.parametrize("name", ORDER)
def test_every_bundled_lesson_works_by_its_own_answers(name: str) -> None:
    check_lesson(bundled(name), actions=KEYS)


def test_the_template_is_a_lesson_that_works() -> None:
    check_lesson(parse_lesson(template().encode(), "template"), actions=KEYS)


def test_ten_lessons_and_the_tour_end_with_something_to_do_alone() -> None:
    assert len(ORDER) == 11
    for name in ORDER:
        lesson = bundled(name)
        assert lesson.id == name
        assert lesson.steps[-1].kind == "do"
        assert any(step.asks for step in lesson.steps)


def changed(old: str, new: str) -> bytes:
    assert old in SMALL
    return SMALL.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("format_version = 1", "format_version = 2", "line 1, column 18: format_version must be 1"),
        ('id = "small"', 'id = "So Small"', "line 2, column 6: id takes small letters"),
        ("until = ", "untill = ", "line 14, column 10: 'untill' is none of"),
        ('"loss < loss@0/1000', '"los < loss@0/1000', "line 14, column 9: check 'los < "),
        ('["step"]', '["stepp"]', "line 8, column 8: 'stepp' is none of step, run, back"),
        ("within = 0.01\n", "", "line 9, column 10: a number needs within or range"),
        ("within = 0.01", "within = '5'", "line 10, column 10: within is a number from 0"),
        ("[[step]]", "[step", "not a TOML file: "),
        ("do = ", "ask = ", "line 14, column 9: 'until' is none of"),
    ],
)
def test_a_fault_is_said_with_line_and_column(old: str, new: str, says: str) -> None:
    with pytest.raises(LessonError) as refused:
        parse_lesson(changed(old, new), "small.toml")
    assert says in str(refused.value)
    assert str(refused.value).startswith("small.toml")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("-a 0.02", "-a nothing", "line 4, column 7: run: -a: "),
        ("--surface 'x^2 + 10*y^2'", "/etc/passwd", "run: '/etc/passwd' is no built-in problem"),
        ("--seed student", "--init w.npy", "run: '--init' is not for a lesson"),
        ('"alpha 0.08"', '"alpha 0.0001"', "line 15, column 12: solution does not reach until"),
        (" and alpha@0 > 0.02", " or epoch >= 0", "line 14, column 9: until is true before"),
        ('"1 - 20*alpha"', '"loss@999"', "line 9, column 10: loss@999 has no value here"),
    ],
)
def test_a_lesson_that_cannot_be_played_is_said_with_its_place(
    old: str, new: str, says: str
) -> None:
    lesson = parse_lesson(changed(old, new), "small.toml")
    with pytest.raises(LessonError) as refused:
        check_lesson(lesson)
    assert says in str(refused.value)


def test_an_unknown_action_is_refused() -> None:
    lesson = parse_lesson(changed("Below a", "Press <nothing>: below a"), "small.toml")
    with pytest.raises(LessonError, match="<nothing> is no action"):
        check_lesson(lesson, actions=KEYS)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LessonError, match="No such file"):
        read_lesson(tmp_path / "none.toml")


def outcome(data: bytes) -> tuple[Lesson | None, str]:
    try:
        return parse_lesson(data, "mutated.toml"), ""
    except LessonError as error:
        return None, str(error)


def test_a_thousand_mutated_files_are_refused_or_read() -> None:
    """Whatever a file holds, there is one line of fault or a lesson; nothing else is raised."""
    rng = random.Random(7)
    sources = [template().encode(), SMALL.encode(), *(_file(name) for name in ORDER)]
    refused = 0
    for _ in range(1000):
        mutated = bytearray(rng.choice(sources))
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(len(mutated))
            if rng.random() < 0.4:
                del mutated[at : at + rng.randint(1, 40)]
            elif rng.random() < 0.5:
                mutated[at:at] = bytes(
                    rng.choices(b"\"'[]{}=\n\x1b\x00#<>@^9e-", k=rng.randint(1, 4))
                )
            else:
                mutated[at] = rng.randrange(256)
            if not mutated:
                break
        lesson, fault = outcome(bytes(mutated))
        if lesson is None:
            refused += 1
            assert fault.isprintable()  # and so in one line
            continue
        shown = [lesson.title, *(step.text for step in lesson.steps)]
        assert all(text.isprintable() for text in shown)
    assert refused > 500


def _file(name: str) -> bytes:
    return (
        Path(bundled.__code__.co_filename)
        .with_name("bundled")
        .joinpath(f"{name}.toml")
        .read_bytes()
    )


def test_the_numbers_are_those_of_the_run() -> None:
    """The tour's first step, by the tutorial's own loop."""
    import numpy as np

    run = begin(bundled("tour"), 0)
    x, y = data().train_x, data().train_y.ravel()
    w = run.trainer.weights[0].copy()

    def loss() -> float:
        return float(np.sum((1 / (1 + np.exp(-x @ w)) - y) ** 2))

    assert run.facts.number("loss") == pytest.approx(loss(), rel=1e-10)
    p = 1 / (1 + np.exp(-x @ w))
    gradient = x.T @ ((p - y) * p * (1 - p))
    assert run.facts.number("gradient_2") == pytest.approx(float(gradient[1]), rel=1e-10)
    w -= 0.01 * gradient
    run.carry_out(bundled("tour").steps[0].then)
    assert run.facts.number("loss") == pytest.approx(loss(), rel=1e-10)
    assert run.facts.number("weight_2") == pytest.approx(float(w[1]), rel=1e-10)


def test_two_names_get_two_starts_and_one_name_always_the_same() -> None:
    lesson = bundled("slope")
    ada, again, bo = (begin(lesson, seed_of(name)) for name in ("Ada", " ada ", "Bo"))
    assert ada.facts.number("loss") == again.facts.number("loss")
    assert ada.facts.number("loss") != bo.facts.number("loss")


def test_curves_are_real_runs() -> None:
    """On x² + 10·y² a step leaves 1 − 2α of x and 1 − 20α of y."""
    lesson = bundled("overshoot")
    run = begin(lesson, 3)
    x, y = run.facts.number("weight_1"), run.facts.number("weight_2")
    step = lesson.steps[2]
    found = curves(run, step.curves, step.then)
    for rate, losses in zip(step.curves, found, strict=True):
        expected = [
            (x * (1 - 2 * rate) ** k) ** 2 + 10 * (y * (1 - 20 * rate) ** k) ** 2 for k in range(21)
        ]
        assert losses == pytest.approx(expected, rel=1e-9)


def test_a_wrong_answer_gets_a_hint_and_after_some_tries_the_truth() -> None:
    lesson = bundled("slope")
    run = begin(lesson, seed_of("Ada"))
    player = Player(lesson, "Ada", at=1)
    true = 2 * run.facts.number("weight_1")
    assert not player.answer(str(true + 3), run.facts)
    assert player.reply.startswith("Not yet. Take 2 times")
    assert not player.answer("what?", run.facts)
    assert player.reply == "'what?' is not a number."
    assert player.record.tries == 1
    assert not player.answer(str(true - 3), run.facts)
    assert player.answer(str(true + 9), run.facts)
    assert player.record.right is False
    assert f"It is: {true:.6g}." in player.reply


def test_keys_that_advance_are_locked_until_the_prediction_is_made() -> None:
    lesson = bundled("tour")
    player = Player(lesson, "Ada")
    assert player.locks("run_or_pause")
    assert player.locks("step(1)")
    assert not player.locks("step_back(1)")
    assert not player.locks("panel('why')")
    player.answer("1", begin(lesson, 0).facts)
    assert not player.locks("run_or_pause")
    assert Player(bundled("overshoot"), "Ada").locks("race('rates')")
    assert Player(bundled("overshoot"), "Ada").locks("panel('why')")


def test_a_step_is_skipped_only_where_the_lesson_allows_it() -> None:
    lesson = parse_lesson(changed('title = "Small"', 'title = "Small"\nskip = "never"'), "x")
    player = Player(lesson, "Ada")
    assert not player.skip()
    assert player.at == 0
    free = Player(parse_lesson(SMALL.encode(), "x"), "Ada")
    assert free.skip()
    assert (free.at, free.records[0].skipped) == (1, True)


def test_a_lesson_never_asks_a_file_for_anything() -> None:
    for run in ("churn.csv", "-", "../x.npz", "blobs --test t.csv", "blobs --target y"):
        lesson = parse_lesson(changed("--surface 'x^2 + 10*y^2' -a 0.02 --seed student", run), "x")
        with pytest.raises(ProblemError):
            begin(lesson, 0)
