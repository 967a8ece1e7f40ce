"""Lessons on the command line: played in plain lines, handed in, graded, checked."""

import base64
import csv
import hashlib
import io
import json
import random
import zlib
from pathlib import Path

import pytest

from tests.cli.commandline import Said, call
from tests.lessons.test_lesson import SMALL
from tui_gd.errors import ProblemError
from tui_gd.lessons.lesson import read_lesson
from tui_gd.lessons.library import bundled, template
from tui_gd.lessons.player import Player
from tui_gd.lessons.progress import grade, hand_in_line, read_hand_in


def play(lesson: str, name: str, lines: str) -> Said:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(lines))
        return call("lesson", lesson, "--plain", "--name", name)


def test_the_list_has_the_tour_and_ten_lessons() -> None:
    said = call("lessons")
    assert said.status == 0
    rows = [line.split() for line in said.out.splitlines() if "0/" in line]
    assert [row[0] for row in rows[:1]] == ["tour"]
    assert len(rows) == 11


def test_the_tour_can_be_played_to_its_end_in_plain_lines() -> None:
    said = play(
        "tour",
        "Ada",
        "1\n\n2\nnext\nrun 60\nnext\n2\nnext\nbranch cross-entropy\nrun 60\n\n"
        "2\n\nalpha 1\nrun 60\nnext\nquit\n",
    )
    assert said.status == 0, said.err
    assert said.out.count("Right.") == 4
    assert said.out.count("Done.") == 3
    assert "That is the end: 7 of 7 right." in said.out
    assert "<" not in said.out.replace("<-", "")  # every action is filled in
    assert "tour             7/7 done" in call("lessons").out


def test_training_waits_for_the_prediction() -> None:
    said = play("tour", "Ada", "run 5\nstatus\n1\nrun 5\nquit\n")
    assert "line 1: answer first" in said.err
    assert "epoch 0/100" in said.out
    assert "epoch 6/100" in said.out


def test_a_locked_command_says_so_and_a_wrong_answer_gets_its_hint() -> None:
    said = play("slope", "Ada", "next\nrace\nshow why\n-99\nhint\nskip\nquit\n")
    assert "line 2: race: not in this lesson" in said.err
    assert "Not yet (1 of 3). Higher: it is 2 times" in said.out
    assert "3 of 7: The sign" in said.out


def test_a_lesson_continues_where_it_was_left() -> None:
    play("slope", "Ada", "next\nskip\n2\nquit\n")
    said = play("slope", "Ada", "status\nquit\n")
    assert "3 of 7: The sign" in said.out
    assert "epoch 1/" in said.out
    assert "epoch 0/" in play("slope", "Bo", "quit\n").out  # another learner starts anew


def test_a_teachers_round_trip(tmp_path: Path) -> None:
    """A lesson from the template, three hand-ins: right, wrong, and tampered with."""
    file = tmp_path / "mine.toml"
    file.write_text(call("lesson", "new").out, encoding="utf-8")
    assert call("lesson", "check", file).status == 0
    lines = {}
    for name in ("Ada", "Bo"):
        player = Player(read_lesson(file), name)
        right = _right_answers(file, name)
        number = right[0] if name == "Ada" else "1e9\n1e9\n1e9"
        said = play(
            str(file),
            name,
            f"next\n{number}\nnext\n{right[1]}\nnext\n"
            "reset\nalpha 0.08\nrun 40\nnext\n1\nnext\nquit\n",
        )
        assert said.status == 0, said.err
        lines[name] = call("lesson", "hand-in", file).out.strip()
        assert player.name == name
    tampered = _with_right_claimed(lines["Bo"])
    (tmp_path / "in.txt").write_text("\n".join([*lines.values(), tampered]), encoding="utf-8")
    said = call("lesson", "grade", file, tmp_path / "in.txt", "--csv")
    assert said.status == 0
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert [row["name"] for row in rows] == ["Ada", "Bo", "Bo"]
    assert [row["right"] for row in rows] == ["4", "3", "3"]
    assert [row["2"] for row in rows] == ["right", "wrong", "refuted"]
    assert "can be forged" in call("lesson", "grade", file, lines["Ada"]).out


def _right_answers(file: Path, name: str) -> list[str]:
    """Return the loss after the next step, by hand, and the number of the true curve."""
    from tui_gd.lessons.player import seed_of
    from tui_gd.lessons.replay import begin

    lesson = read_lesson(file)
    run = begin(lesson, seed_of(name))
    x, y = run.number("weight_1"), run.number("weight_2")
    x, y = x * (1 - 0.04), y * (1 - 0.4)
    player = Player(lesson, name, at=2)
    return [str(x**2 + 10 * y**2), str(player.curve_rates().index(0.09) + 1)]


def _with_right_claimed(line: str) -> str:
    """Return a hand-in whose wrong answer claims to be right, with a checksum that fits."""
    code = line.removeprefix("gdl1:")
    packed = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))
    document = json.loads(zlib.decompress(packed[:-4], -15))
    document["steps"][1]["right"] = True
    text = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(text) + packer.flush() + hashlib.sha256(text).digest()[:4]
    return "gdl1:" + base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def test_a_review_says_what_was_predicted_and_what_came() -> None:
    play("slope", "Ada", "next\nskip\n2\nquit\n")
    said = call("lesson", "review", "slope")
    assert "Ada: 1 of 6 right." in said.out
    assert "- you said: towards 0 (right, tries: 1)" in said.out
    assert "How large is the slope along x?\n\n- skipped" in said.out


def test_a_predicted_loss_is_repeated_beside_the_answer() -> None:
    said = play("tour", "Ada", "2\nquit\n")
    assert "Your guess for epoch 1: loss 493.365. The run: 392.029." in said.out


def test_the_run_trains_to_where_a_skipped_step_ends() -> None:
    said = play("tour", "Ada", "skip\nskip\nskip\nstatus\nquit\n")
    assert "by epoch 60 the gradient has shrunk from 45 to 0.42" in " ".join(said.out.split())
    assert "epoch 60/100" in said.out


def test_skipping_a_step_that_is_only_read_does_what_it_does_to_the_run(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    head, step, rest = template().partition("[[step]]")
    read = '[[step]]\nread = "Look."\nthen = ["step 5"]\n\n'
    file.write_text(head + read + step + rest, encoding="utf-8")
    for word in ("next", "skip"):
        assert "epoch 5/" in play(str(file), word, f"{word}\nstatus\nquit\n").out


def test_a_task_is_done_by_an_epoch_although_the_run_goes_further() -> None:
    """0.6 is left of x and of y at every step with α 0.2, so 0.36^12 of the loss after 12."""
    said = play("slope", "Ada", "next\n" + "skip\n" * 5 + "reset\nalpha 0.2\nrun 60\nquit\n")
    assert "epoch 60/100" in said.out
    assert "Done. With α 0.2 it took 12 epochs." in said.out


def test_a_lesson_can_be_begun_at_a_later_step() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO("status\nquit\n"))
        said = call("lesson", "tour", "--plain", "--from", "4")
    assert "Tour 4 of 7" in said.out
    assert "epoch 60/100" in said.out


def test_a_lesson_that_is_done_begins_again() -> None:
    play("slope", "Ada", "next\n" + "skip\n" * 6 + "quit\n")
    said = play("slope", "Ada", "quit\n")
    assert "this lesson is done: it starts again" in said.err
    assert "1 of 7" in said.out


def test_a_lesson_is_played_in_the_language_of_the_environment_or_as_asked() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LC_ALL", "de_DE.UTF-8")
        said = play("tour", "Ada", "1\nquit\n")
        assert "Rundgang 1 von 7: Was du siehst" in said.out
        assert "Richtig. Er sank von 448.5 auf 392:" in " ".join(said.out.split())
        assert "tour             0/7 done  Rundgang (en, de)" in call("lessons").out
        assert "Tour (en, de)" in call("lessons", "--lang", "en").out
        assert "Slope and sign" in call("lessons").out  # there is no other one yet
    said = call("lesson", "review", "tour")
    assert "# Rundgang" in said.out
    line = call("lesson", "hand-in", "tour").out.strip()
    rows = list(csv.DictReader(io.StringIO(call("lesson", "grade", "tour", line, "--csv").out)))
    assert [(row["1"], row["2"], row["remark"]) for row in rows] == [("right", "open", "")]
    said = play("tour", "Ada", "quit\n")  # the same lesson goes on in the other language
    assert "Tour 1 of 7" in said.out
    assert "epoch 1/100" in said.out


def test_a_file_is_checked_with_the_translations_beside_it(tmp_path: Path) -> None:
    file, german = tmp_path / "mine.toml", tmp_path / "mine.de.toml"
    file.write_text(template(), encoding="utf-8")
    german.write_text(template().replace('lang = "en"', 'lang = "de"'), encoding="utf-8")
    said = call("lesson", "check", file)
    assert said.out.splitlines() == [
        f"my-lesson ({lang}): 5 steps, 4 of them ask: all work" for lang in ("en", "de")
    ]
    german.write_text(
        german.read_text("utf-8").replace('within = "10 %"  ', 'within = "90 %"  '), "utf-8"
    )
    said = call("lesson", "check", file)
    assert said.status == 2
    assert "mine.de.toml, line 34, column 10: within is not that of" in said.err
    assert said.err.count("\n") == 1


def test_a_changed_file_begins_again_in_a_script(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(template(), encoding="utf-8")
    play(str(file), "Ada", "next\nskip\nquit\n")
    file.write_text(template() + "# changed\n", encoding="utf-8")
    said = play(str(file), "Ada", "quit\n")
    assert "has changed since you were at step 3: it starts again" in said.err
    assert "1 of 5" in said.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nothing"], "'nothing' is no lesson: gd-tui lessons lists them"),
        (["check"], "gd-tui lesson check takes one lesson"),
        (["check", "none.toml"], "none.toml: No such file"),
        (["review", "slope"], "slope was not played here"),
        (["hand-in", "slope"], "slope was not played here"),
        (["grade", "slope"], "takes a lesson and hand-ins"),
        (["grade", "slope", "none.txt"], "none.txt: No such file"),
        (["new", "x"], "nothing follows gd-tui lesson new"),
        (["tour", "--from", "9", "--plain"], "--from 9: the lesson has 7 steps"),
        (["tour", "--from", "0", "--plain"], "--from: 0 is not a whole number from 1"),
    ],
)
def test_mistakes_are_one_line(words: list[str], says: str) -> None:
    said = call("lesson", *words)
    assert said.status == 2
    assert says in said.err
    assert said.err.count("\n") == 1


def test_grading_only_broken_lines_is_a_fault() -> None:
    said = call("lesson", "grade", "tour", "gdl1:AAAA")
    assert said.status == 2
    assert "broken: copy the whole line again" in said.out


def fault_of(line: str) -> str:
    try:
        read_hand_in(line)
    except ProblemError as error:
        return str(error)
    return ""


def test_a_thousand_mutated_hand_ins_are_refused_or_graded() -> None:
    rng = random.Random(11)
    lesson = bundled("tour")
    player = Player(lesson, "Ada")
    player.skip()
    line = hand_in_line(player)
    whole = 0
    for _ in range(1000):
        letters = list(line)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(letters))
            letters[at] = rng.choice("ABCdef019-_=:\\x1b é\n")
        fault = fault_of("".join(letters))
        assert fault.isprintable()
        whole += not fault
    assert whole < 50
    assert grade(lesson, read_hand_in(line)).steps[0] == "skipped"


def test_a_thousand_mutated_files_are_checked_or_refused_in_one_line(tmp_path: Path) -> None:
    """As a teacher meets them: `lesson check` says one line; its status is 2 unless all works."""
    rng = random.Random(5)
    file, source = tmp_path / "mutated.toml", SMALL.encode()
    works = refused = 0
    for _ in range(1000):
        mutated = bytearray(source)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(mutated))
            if rng.random() < 0.5:
                mutated[at] = rng.choice(b'0123456789.-+*/^@{}[]<>="abelns \x1b\xff')
            else:
                del mutated[at : at + rng.randint(1, 6)]
        file.write_bytes(mutated)
        said = call("lesson", "check", file)
        lines = (said.out + said.err).splitlines()
        assert said.status in {0, 2}
        assert len(lines) == 1
        assert lines[0].isprintable()
        works, refused = works + (said.status == 0), refused + (said.status == 2)
    assert works > 50
    assert refused > 300


def test_a_thousand_mutated_hand_ins_are_graded_or_refused_in_one_line() -> None:
    play("slope", "Ada", "next\n3\n3\n3\nnext\n2\nnext\nquit\n")
    line = call("lesson", "hand-in", "slope").out.strip()
    rng = random.Random(6)
    refused = 0
    for _ in range(1000):
        letters = list(line)
        for _ in range(rng.randint(1, 3)):
            letters[rng.randrange(5, len(letters))] = rng.choice("ABCdef019-_=:é")
        said = call("lesson", "grade", "slope", "".join(letters), "--csv")
        rows = said.out.splitlines()
        assert len(rows) == 2
        assert said.err == ""
        assert (said.status == 2) == ("broken" in rows[1])
        refused += said.status == 2
    assert refused > 950


def test_a_name_in_a_hand_in_is_no_formula_of_a_spreadsheet() -> None:
    line = hand_in_line(Player(bundled("tour"), "=1+1"))
    row = next(csv.reader(io.StringIO(call("lesson", "grade", "tour", line, "--csv").out)))
    said = call("lesson", "grade", "tour", line, "--csv").out.splitlines()
    assert row[0] == "name"
    assert said[1].startswith("1+1,")


def test_the_template_is_what_new_prints() -> None:
    assert call("lesson", "new").out == template()
