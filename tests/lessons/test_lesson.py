"""Lesson files: every fault has one line with its place, and what comes with gd-tui works."""

import random
from pathlib import Path

import pytest

from tests.tutorial import data
from tui_gd.errors import ProblemError
from tui_gd.lessons.lesson import (
    ENGLISH,
    Lesson,
    LessonError,
    known_words,
    parse_lesson,
    read_lesson,
)
from tui_gd.lessons.library import (
    ORDER,
    bundled,
    check_lesson,
    check_translation,
    language,
    template,
    translations,
)
from tui_gd.lessons.player import Player, seed_of
from tui_gd.lessons.progress import grade, hand_in_line, read_hand_in
from tui_gd.lessons.replay import begin, begin_at, curves, orders_of, take_answer
from tui_gd.session.commands import Step
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
    original, *translated = translations(name)
    check_lesson(original, actions=KEYS)
    for lesson in translated:
        check_lesson(lesson, actions=KEYS)
        check_translation(lesson, original)


def test_the_template_is_a_lesson_that_works() -> None:
    check_lesson(parse_lesson(template().encode(), "template"), actions=KEYS)


def test_ten_lessons_and_the_tour_end_with_something_to_do_alone() -> None:
    assert len(ORDER) == 11
    for name in ORDER:
        lesson = bundled(name)
        assert lesson.id == name
        assert lesson.steps[-1].kind == "do"
        assert any(step.asks for step in lesson.steps)
        assert all(step.panel for step in lesson.steps)  # there is always something to look at


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
def test_a_fault_is_reported_with_line_and_column(old: str, new: str, says: str) -> None:
    with pytest.raises(LessonError) as refused:
        parse_lesson(changed(old, new), "small.toml")
    assert says in str(refused.value)
    assert str(refused.value).startswith("small.toml")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("comment", ['# as in """', "# not '''", '# a "key = 1"'])
def test_what_a_comment_quotes_moves_no_fault(comment: str) -> None:
    text = changed('["step"]', '["stepp"]') + b'\n[[step]]\nread = """\nThe end.\n"""\n'
    text = text.replace(b"format_version", comment.encode() + b"\nformat_version", 1)
    with pytest.raises(LessonError, match="line 9, column 8: 'stepp' is none of"):
        parse_lesson(text, "small.toml")


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
def test_a_lesson_that_cannot_be_played_is_reported_with_its_place(
    old: str, new: str, says: str
) -> None:
    lesson = parse_lesson(changed(old, new), "small.toml")
    with pytest.raises(LessonError) as refused:
        check_lesson(lesson)
    assert says in str(refused.value)


def test_a_translation_without_a_key_is_reported_at_its_step() -> None:
    original = parse_lesson(changed("predict =", 'panel = "loss"\npredict ='), "small.toml")
    with pytest.raises(LessonError) as refused:
        check_translation(parse_lesson(SMALL.encode(), "small.de.toml"), original)
    assert str(refused.value) == "small.de.toml, line 6, column 1: panel is not that of small.toml"


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
    """Every file is a lesson or is refused in one line; no other exception is raised."""
    rng = random.Random(7)
    sources = [template().encode(), SMALL.encode(), *(_file(name) for name in (*ORDER, "tour.de"))]
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

    assert run.number("loss") == pytest.approx(loss(), rel=1e-10)
    p = 1 / (1 + np.exp(-x @ w))
    gradient = x.T @ ((p - y) * p * (1 - p))
    assert run.number("gradient_2") == pytest.approx(float(gradient[1]), rel=1e-10)
    w -= 0.01 * gradient
    run.carry_out(bundled("tour").steps[0].then)
    assert run.number("loss") == pytest.approx(loss(), rel=1e-10)
    assert run.number("weight_2") == pytest.approx(float(w[1]), rel=1e-10)


def test_two_names_get_two_starts_and_one_name_always_the_same() -> None:
    lesson = bundled("slope")
    ada, again, bo = (begin(lesson, seed_of(name)) for name in ("Ada", " ada ", "Bo"))
    assert ada.number("loss") == again.number("loss")
    assert ada.number("loss") != bo.number("loss")


def test_curves_are_real_runs() -> None:
    """On x² + 10·y² a step leaves 1 − 2α of x and 1 − 20α of y."""
    lesson = bundled("overshoot")
    run = begin(lesson, 3)
    x, y = run.number("weight_1"), run.number("weight_2")
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
    true = 2 * run.number("weight_1")
    assert not player.answer(str(true + 3), run)
    assert player.reply.startswith("Not yet (1 of 3). Lower: it is 2 times")
    assert not player.answer("what?", run)
    assert player.reply == "'what?' is not a number."
    assert player.record.tries == 1
    assert not player.answer(str(true - 3), run)
    assert player.answer(str(true + 9), run)
    assert player.record.right is False
    assert f"The answer: {true:.6g}." in player.reply


def test_keys_that_advance_are_locked_until_the_prediction_is_made() -> None:
    lesson = bundled("tour")
    player = Player(lesson, "Ada")
    assert player.refusal("run_or_pause")
    assert player.refusal("step(1)")
    assert not player.refusal("step_back(1)")
    assert not player.refusal("panel('why')")
    player.answer("1", begin(lesson, 0))
    assert not player.refusal("run_or_pause")
    assert Player(bundled("overshoot"), "Ada").refusal("race('rates')")
    assert Player(bundled("overshoot"), "Ada").refusal("panel('why')")


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


# What was predicted


def answered(lesson: Lesson, at: int, given: str, name: str = "Ada") -> Player:
    """A player who has given the last answer to a step, whether it is right or not."""
    player = Player(lesson, name, at=at)
    player.record.tries = lesson.reveal_after - 1
    assert take_answer(player, given, begin_at(lesson, seed_of(name), at))
    return player


def test_a_predicted_loss_is_remembered_with_the_epoch_it_is_about() -> None:
    """On x² + 4·y² the sixth step of the lesson is the third epoch."""
    player = answered(bundled("slope"), 5, "0.125")
    assert (player.record.guess, player.record.guess_epoch) == (0.125, 3)
    assert answered(bundled("slope"), 3, "0.125").record.guess_epoch == 0  # x, and no loss


def test_a_chosen_curve_predicts_the_loss_it_ends_with() -> None:
    lesson = bundled("overshoot")
    player = Player(lesson, "Ada", at=2)
    place = player.curve_rates().index(0.02)
    run = begin_at(lesson, seed_of("Ada"), 2)
    x, y = run.number("weight_1"), run.number("weight_2")
    player = answered(lesson, 2, str(place + 1))
    expected = (x * 0.96**20) ** 2 + 10 * (y * 0.6**20) ** 2
    assert player.record.right is False
    assert player.record.guess == pytest.approx(expected, rel=1e-9)
    assert player.record.guess_epoch == 21


def test_a_choice_may_say_which_loss_it_predicts() -> None:
    for given, share in (("1", 0.9), ("2", 1.1), ("3", 1.0)):
        record = answered(bundled("tour"), 0, given).record
        assert record.guess == pytest.approx(448.5138665 * share, rel=1e-6)
        assert record.guess_epoch == 1


# What the run does


def test_a_skipped_task_leads_where_its_solution_leads() -> None:
    lesson = bundled("tour")
    run = begin(lesson, 0)
    assert orders_of(lesson.steps[0], run) == [Step(1)]
    run = begin_at(lesson, 0, 3)
    assert run.number("epoch") == 60
    assert orders_of(lesson.steps[2], run) == []  # it is done already


def test_a_task_that_wants_a_third_start_is_graded_by_its_run() -> None:
    lesson = bundled("many-starts")
    at, seed = len(lesson.steps) - 1, seed_of("Ada")
    player, run = Player(lesson, "Ada", at=at), begin_at(lesson, seed, at)
    run.carry_out(lesson.steps[at].solution)
    assert run.number("start") >= 3
    assert player.reached(run)
    player.record.run = run.line()
    assert grade(lesson, read_hand_in(hand_in_line(player))).steps[at] == "right"


def test_a_tour_that_ran_past_the_plateau_still_asks_about_it() -> None:
    """At epoch 220 the plateau is over: the question is about epochs 60 to 80 all the same."""
    lesson = bundled("tour")
    run = begin_at(lesson, 0, 3)
    run.trainer.advance(160)
    assert run.number("loss") < 1
    run.carry_out(lesson.steps[3].then)
    assert (run.number("epoch"), round(run.number("loss"))) == (80, 250)


def test_numbers_of_other_epochs_are_those_that_the_run_had_there() -> None:
    run = begin(bundled("tour"), 0)
    seen = {}
    for epoch in range(4):
        seen[epoch] = [run.number(name) for name in ("weight_2", "right", "changed", "limit")]
        run.carry_out(bundled("tour").steps[0].then)
    for epoch, numbers in seen.items():
        now = [run.number(name, epoch) for name in ("weight_2", "right", "changed", "limit")]
        assert now == pytest.approx(numbers, rel=1e-9)
    assert run.number("right", 99) != run.number("right", 99)  # not reached: NaN


def test_the_verdict_can_be_asked_for() -> None:
    """The default start of seed 63 saturates; the lesson says so, and the run has to agree."""
    text = """format_version = 1
id = "verdicts"
title = "Verdicts"
run = "--seed 63"

[[step]]
predict = "How will it go on?"
then = ["run 100"]
verdict = ["minimum", "saturated", "diverging"]

[[step]]
do = "Leave the plateau."
until = "verdict != saturated"
solution = ["branch cross-entropy", "run 100"]
"""
    lesson = parse_lesson(text.encode(), "verdicts.toml")
    check_lesson(lesson)
    assert Player(lesson, "Ada").options() == ["minimum", "saturated", "diverging"]
    assert answered(lesson, 0, "1").record.right is False
    assert "The answer: saturated." in answered(lesson, 0, "1").reply
    assert answered(lesson, 0, "2").record.right is True
    other = parse_lesson(text.replace('"saturated", ', "").encode(), "verdicts.toml")
    with pytest.raises(LessonError, match=r"line 9, column 11: the verdict, saturated, is not"):
        check_lesson(other)
    for bad in ('["minimum"]', '["minimum", "stuck"]', '["minimum", "minimum"]'):
        wrong = text.replace('["minimum", "saturated", "diverging"]', bad)
        with pytest.raises(LessonError, match=r"verdicts.toml, line 9, column 11: "):
            parse_lesson(wrong.encode(), "verdicts.toml")


# Languages


@pytest.mark.parametrize(
    ("environ", "lang"),
    [
        ({}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de_AT.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "C.UTF-8", "LC_MESSAGES": "de"}, "de"),
        ({"LANG": "en_GB", "LC_ALL": "", "LC_MESSAGES": "fr@euro"}, "fr"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": "../../etc"}, "en"),
    ],
)
def test_the_environment_names_a_language(environ: dict[str, str], lang: str) -> None:
    assert language(environ) == lang


def test_a_lesson_is_in_the_language_asked_for_or_in_english() -> None:
    assert bundled("tour", "de").title == "Rundgang"
    assert bundled("tour", "fr").title == bundled("tour").title == "Tour"
    assert [lesson.lang for lesson in translations("tour")] == ["en", "de"]


def test_words_are_complete_in_every_language() -> None:
    english, *others = known_words().values()
    for words in others:
        assert set(words) == set(english)
        for key, word in words.items():
            assert word.count("{}") == english[key].count("{}"), key


def test_a_lesson_speaks_its_language() -> None:
    lesson = bundled("tour", "de")
    player = answered(lesson, 0, "2")
    assert player.reply.startswith("Diesmal nicht. Ein Schritt geht gegen die Steigung")
    assert "Die Antwort: er sinkt." in player.reply
    player = Player(lesson, "Ada", at=2)
    player.hint()
    assert player.reply.startswith("Hinweis: ")


def test_a_language_without_words_has_to_bring_them() -> None:
    lesson = parse_lesson(changed('title = "Small"', 'title = "Small"\nlang = "fr"'), "x.toml")
    with pytest.raises(LessonError, match=r"x.toml, line 4, column 8: .* \[words\] needs step, "):
        check_lesson(lesson)
    words = "".join(f"{key} = {word!r}\n" for key, word in known_words()[ENGLISH].items())
    words = words.replace("'Right.'", "'Juste.'")
    given = changed("[[step]]", f"[words]\n{words}\n[[step]]").replace(b"Small", b"Petit")
    lesson = parse_lesson(given.replace(b'id = "small"', b'id = "small"\nlang = "fr"'), "x.toml")
    check_lesson(lesson)
    assert lesson.say("right") == "Juste."


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("right = 3", "line 7, column 9: right is text"),
        ("rigth = 'x'", "line 7, column 9: 'rigth' is none of"),
        ("answer_is = 'so'", "line 7, column 13: answer_is needs every {} of"),
        ("right = '{} {}'", "line 7, column 9: right needs every {} of"),
    ],
)
def test_a_fault_in_the_words_is_reported_with_its_place(words: str, says: str) -> None:
    given = changed("[[step]]", f"[words]\n{words}\n\n[[step]]")
    with pytest.raises(LessonError) as refused:
        parse_lesson(given, "small.toml")
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"alpha 0.08"', '"alpha 0.07"', "line 15, column 12: solution"),
        ("within = 0.01", "within = 0.02", "line 10, column 10: within"),
        ("-a 0.02", "-a 0.03", "line 4, column 7: run"),
        ('then = ["step"]', 'then = ["step 2"]', "line 8, column 8: then"),
    ],
)
def test_a_translation_changes_nothing_but_texts(old: str, new: str, key: str) -> None:
    original = parse_lesson(SMALL.encode(), "small.toml")
    check_translation(parse_lesson(changed("Below a", "Unter ein"), "small.de.toml"), original)
    with pytest.raises(LessonError) as refused:
        check_translation(parse_lesson(changed(old, new), "small.de.toml"), original)
    assert str(refused.value) == f"small.de.toml, {key} is not that of small.toml"
