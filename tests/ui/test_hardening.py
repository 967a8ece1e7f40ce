"""Input, cut into pieces anywhere, becomes the right keys and pastes."""

import sys

import pytest
from textual import events
from textual.app import App

if sys.platform == "win32":
    pytest.skip("a driver of Unix", allow_module_level=True)

from tui_gd.ui.terminal import ground_is_dark, light_by_name
from tui_gd.ui.textual_fixes.driver import (
    LONGEST_PASTE,
    MOST_WAITING,
    PASTE_SECONDS,
    WHOLE_SECONDS,
    HardDriver,
    Intake,
)


class Reading:
    """An intake with a clock and a room that the test sets."""

    def __init__(self, room: int = 1000) -> None:
        self.now, self.room = 0.0, room
        self.intake = Intake(lambda: self.room, lambda: self.now)

    def take(self, *texts: str) -> list[str]:
        found = []
        for text in texts:
            for message in self.intake.take(text):
                if isinstance(message, events.Paste):
                    found.append(f"paste {message.text}")
                elif isinstance(message, events.Key):
                    found.append(message.key)
                else:
                    found.append(type(message).__name__)
        return found


def test_sequences_cut_anywhere_are_the_same_keys() -> None:
    whole = "a\x1b[A\x1bOP\x1b[200~3\x1b4.\x1b[201~b\x1b[7;9R"
    wanted = ["a", "up", "f1", "paste 34.", "b", "CursorPosition"]
    assert Reading().take(whole) == wanted
    assert Reading().take(*whole) == wanted
    for cut in range(len(whole)):
        assert Reading().take(whole[:cut], whole[cut:]) == wanted


ANSWER = "\x1b]11;rgb:ffff/ffff/ffff\x1b\\"


def test_the_colour_of_the_ground_is_read_and_no_key_is_lost_or_made_up() -> None:
    for answer in (ANSWER, ANSWER.replace("\x1b\\", "\a")):
        whole = f"ab{answer}fq"
        assert Reading().take(whole) == ["Ground", "a", "b", "f", "q"]
        assert Reading().take(*whole) == ["a", "b", "Ground", "f", "q"]
        for cut in range(len(whole)):
            found = Reading().take(whole[:cut], whole[cut:])
            assert sorted(found) == ["Ground", "a", "b", "f", "q"]


@pytest.mark.parametrize("garbage", ["\x1b]11;?\a", "\x1b]11;blue\x1b\\", "\x1b]11;rgb:1\a"])
def test_an_answer_that_is_no_colour_is_no_key_either(garbage) -> None:
    assert Reading().take(f"a{garbage}q") == ["a", "q"]


def test_half_an_answer_is_forgotten_and_keys_after_it_are_keys() -> None:
    reading = Reading()
    assert reading.take("\x1b]11;rgb:ff") == []
    assert list(reading.intake.rest()) == []
    assert reading.take("ff/ffff/ffff\a") == ["Ground"]
    assert reading.take("\x1b]11;rgb:ff") == []
    reading.now += WHOLE_SECONDS
    assert list(reading.intake.rest()) == []
    assert reading.take("f") == ["f"]


def test_half_a_report_of_the_mouse_is_no_keys() -> None:
    reading = Reading()
    assert reading.take("\x1b[<35;10;1") == []
    assert list(reading.intake.rest()) == []
    assert reading.take("0Mq") == ["MouseMove", "q"]
    assert reading.take("\x1b[<35;10;1") == []
    reading.now += WHOLE_SECONDS
    assert list(reading.intake.rest()) == []
    assert reading.take("q") == ["q"]


def test_the_ground_is_dark_below_half_of_its_luma() -> None:
    light = ("rgb:ffff/ffff/ffff", "rgb:fd/f6/e3", "rgba:f/f/f/f")
    dark = ("rgb:0000/0000/0000", "rgb:00/2b/36", "rgb:2828/2a2a/3636")
    assert [ground_is_dark(colour) for colour in (*light, *dark)] == [False] * 3 + [True] * 3
    assert [ground_is_dark(text) for text in ("", "rgb:", "rgb:1/2", "#ffffff")] == [None] * 4


def test_a_ground_that_is_named_by_its_number_is_light_or_dark() -> None:
    light = ("0;15", "0;default;15", "0;7", "0;11")
    dark = ("15;0", "default;default;0", "7;8", "15;6", "15;default", "", ";")
    assert [light_by_name({"COLORFGBG": said}) for said in light] == [True] * 4
    assert [light_by_name({"COLORFGBG": said}) for said in dark] == [False] * 7
    assert not light_by_name({})


def test_an_escape_alone_is_a_key_when_nothing_follows() -> None:
    reading = Reading()
    assert reading.take("\x1b") == []
    (message,) = reading.intake.rest()
    assert isinstance(message, events.Key)
    assert message.key == "escape"
    assert list(reading.intake.rest()) == []


@pytest.mark.parametrize(("text", "keys"), [("q", "q"), ("\r", "enter"), (" ", "space")])
def test_an_escape_that_comes_as_one_with_the_next_key_is_both(text: str, keys: str) -> None:
    assert Reading().take("\x1b" + text, "b") == ["escape", keys, "b"]
    assert Reading().take("\x1b", text, "b") == ["escape", keys, "b"]


def test_arrows_after_an_escape_are_arrows_and_alt_backspace_is_left_to_lines() -> None:
    assert Reading().take("\x1b\x1b[A\x1b\x1bOBq") == ["escape", "up", "escape", "down", "q"]
    assert Reading().take("\x1b\x7f") == ["ctrl+w"]


def test_after_a_paste_has_broken_off_single_keys_are_keys_and_the_rest_of_it_is_not() -> None:
    reading = Reading()
    assert reading.take("\x1b[200~0.0") == []
    reading.now += PASTE_SECONDS / 2
    assert reading.take("1") == []
    reading.now += PASTE_SECONDS
    assert reading.take("q") == ["q"]
    assert reading.take("more of what was pasted") == []
    assert reading.take("and its end\x1b[201~", "b") == ["b"]


def test_a_long_paste_is_cut() -> None:
    (pasted,) = Reading().take("\x1b[200~", *["x" * 1000] * 50, "\x1b[201~")
    assert pasted == "paste " + "x" * LONGEST_PASTE


def test_a_full_queue_takes_only_answers_of_the_terminal_and_the_last_key() -> None:
    reading = Reading(room=0)
    assert reading.take("abc\x1b[A\x1b[<0;1;1M\x1b[7;9R\x1b[I") == ["CursorPosition", "AppFocus"]
    assert reading.take("." * 1000 + "q") == ["q"]
    assert reading.take("abc\x1b[A") == ["up"]
    reading.room = 2
    assert reading.take("abcd") == ["a", "b", "d"]


async def test_the_last_of_too_many_keys_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_gd.ui.textual_fixes.driver.signal.signal", lambda *_: None)
    driver = HardDriver(App())
    for _ in range(MOST_WAITING):
        driver.send_message(events.Key("full_stop", "."))
    driver.send_message(events.Key("q", "q"))
    driver.send_message(events.MouseDown(None, 0, 0, 0, 0, 1, False, False, False))
    keys = [message.key for _, message in driver._waiting if isinstance(message, events.Key)]
    assert keys == ["full_stop"] * (MOST_WAITING - 1) + ["q"]
    assert len(driver._waiting) == MOST_WAITING


def test_sequences_without_meaning_end_nothing() -> None:
    reading = Reading()
    assert reading.take("\x1b[1114112u", "a", "\x1b[48;0;0;0;0t", "b") == ["a", "b"]


async def test_the_app_is_told_when_a_key_is_read_and_of_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = []

    class Listening(App[None]):
        def key_read(self) -> None:
            told.append(1)

    monkeypatch.setattr("tui_gd.ui.textual_fixes.driver.signal.signal", lambda *_: None)
    driver = HardDriver(Listening())
    driver.send_message(events.Key("plus", "+"))
    assert told == [1]
    assert len(driver._waiting) == 1
    driver.send_message(events.Paste("+"))
    driver.send_message(events.MouseDown(None, 0, 0, 0, 0, 1, False, False, False))
    assert told == [1]
