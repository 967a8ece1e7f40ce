"""One frame in flight, as a terminal sees it: questions, answers, and lost answers."""

from __future__ import annotations

import re

import pytest
from rich.console import Console
from textual._compositor import CompositorUpdate
from textual.geometry import Size

from tests.ui.driving import driving
from tui_gd.session.commands import Step, StepBack
from tui_gd.ui.keys import KeyRepeat
from tui_gd.ui.textual_fixes.flow import QUESTIONS, Asking, Flow

SIZE = Size(80, 24)
QUESTION = re.compile(r"\x1b\[(\d+);(\d+)H\x1b\[6n\Z")


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Painted(CompositorUpdate):
    """A frame of a given text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def render_segments(self, console: Console) -> str:
        del console
        return self.text


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def flow(clock: Clock) -> Flow:
    return Flow(clock)


def draw(flow: Flow, text: str = "x", size: Size = SIZE) -> int:
    """Send a frame; the column, from 0, where its question puts the cursor."""
    sent = Asking(Painted(text), flow, size).render_segments(Console())
    assert sent.startswith(text)
    match = QUESTION.search(sent)
    assert match
    assert int(match[1]) == size.height
    assert 1 <= int(match[2]) <= size.width
    return int(match[2]) - 1


def acquainted(flow: Flow) -> Flow:
    """The flow to a terminal that has answered once."""
    assert flow.answered(draw(flow))
    return flow


def test_nothing_waits_for_a_terminal_that_has_never_answered(flow: Flow) -> None:
    for _ in range(QUESTIONS):
        assert flow.free
        draw(flow)
    assert flow.free
    assert Asking(Painted("x"), flow, SIZE).render_segments(Console()) == "x"


def test_the_next_frame_waits_for_the_answer_to_the_last(flow: Flow) -> None:
    column = draw(acquainted(flow))
    assert not flow.free
    assert flow.answered(column)
    assert flow.free


def test_one_frame_that_answers_a_key_may_follow_one_in_flight(flow: Flow) -> None:
    first = draw(acquainted(flow))
    flow.hurry()
    assert flow.free
    second = draw(flow)
    flow.hurry()
    assert not flow.free
    assert flow.answered(first)
    assert flow.free
    third = draw(flow)
    assert flow.answered(second)
    assert not flow.free
    assert flow.answered(third)
    assert flow.free


def test_an_answer_settles_earlier_questions_too(flow: Flow) -> None:
    draw(acquainted(flow))
    flow.hurry()
    assert flow.answered(draw(flow))
    assert flow.free
    draw(flow)
    assert not flow.free


def test_a_lost_answer_is_waited_for_five_seconds_then_ten(flow: Flow, clock: Clock) -> None:
    lost = draw(acquainted(flow))
    clock.now += 4.9
    assert not flow.give_up()
    clock.now += 0.2
    assert flow.give_up()
    assert flow.free
    column = draw(flow)
    clock.now += 9.9
    assert not flow.give_up()
    # the answer given up comes after all: it does not count for the frame in flight
    assert not flow.answered(lost)
    assert not flow.free
    assert flow.answered(column)
    assert flow.free


def test_no_frame_waits_longer_than_a_minute(flow: Flow, clock: Clock) -> None:
    acquainted(flow)
    for _ in range(10):
        draw(flow)
        clock.now += 60.1
        assert flow.give_up()


def test_in_a_terminal_made_narrower_another_column_is_an_answer(flow: Flow) -> None:
    acquainted(flow)
    for _ in range(30):
        column = draw(flow)
        assert flow.answered(min(column, 9))


def test_an_answer_that_nobody_asked_for_changes_nothing(flow: Flow) -> None:
    assert not flow.answered(3)
    assert not flow.answers
    assert flow.free


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 5), (300, 100)])
def test_any_size_can_be_asked_again_and_again(flow: Flow, size: tuple[int, int]) -> None:
    for _ in range(700):
        assert flow.free
        assert flow.answered(draw(flow, size=Size(*size)))


def test_a_frame_that_paints_nothing_asks_nothing(flow: Flow) -> None:
    assert Asking(Painted(""), acquainted(flow), SIZE).render_segments(Console()) == ""
    assert flow.free


def test_a_slow_line_has_half_its_time_for_keys_and_recovers(flow: Flow, clock: Clock) -> None:
    def round_trip(seconds: float) -> None:
        column = draw(flow)
        clock.now += seconds
        assert flow.answered(column)

    acquainted(flow)
    clock.now += 1.0
    assert flow.due
    round_trip(0.08)  # there and back; nothing is due to how much was sent
    round_trip(0.08)
    quick = flow.pause
    round_trip(0.48)
    assert not flow.due
    # the frame took 0.4 s of the line: 0.8 s from frame to frame
    assert flow.pause == pytest.approx(2 * 0.48, rel=0.05)
    clock.now += 0.6
    assert flow.due
    for _ in range(3):
        round_trip(0.01)
    assert flow.pause < max(quick, 0.1)


def test_a_writer_that_is_behind_lowers_the_rate_of_frames_until_it_has_caught_up(
    flow: Flow,
) -> None:
    assert flow.pause == 0.0
    for _ in range(20):
        flow.fell_behind()
    assert flow.pause == 1.0
    for _ in range(30):
        Asking(Painted("x"), flow, SIZE).render_segments(Console())
    assert flow.pause < 0.01


def test_frames_and_bytes_are_counted(flow: Flow, clock: Clock) -> None:
    for _ in range(20):
        draw(flow, "é" * 500)
        clock.now += 0.1
    assert flow.frames == 20
    # two bytes for each é, and a question of at most 16
    assert 20 * 1000 < flow.bytes <= 20 * 1016
    frames, sent = flow.rates()
    assert frames == pytest.approx(10.0, abs=0.6)
    assert sent == pytest.approx(10_000, rel=0.1)
    clock.now += 10.0
    assert flow.rates() == (0.0, 0.0)


# Keys that are held


def test_keys_pressed_singly_are_never_held_back(clock: Clock) -> None:
    holding = KeyRepeat(clock)
    for _ in range(20):
        assert holding.press(Step(), pending=True) == Step()
        clock.now += 0.11


def test_twenty_at_once_are_twenty_steps_where_steps_are_quick(clock: Clock) -> None:
    holding = KeyRepeat(clock)
    assert [holding.press(Step(), pending=False) for _ in range(20)] == [Step()] * 20


def test_a_held_key_steps_only_when_the_last_step_is_drawn(clock: Clock) -> None:
    holding = KeyRepeat(clock)
    done = [holding.press(Step(), pending=False)]
    clock.now += 0.3
    done.append(holding.press(Step(), pending=False))
    for index in range(30):
        clock.now += 0.03
        pending = index % 5 != 4  # a step takes five repeats
        done.append(holding.press(Step(), pending=pending))
    assert done.count(Step()) == 2 + 6
    assert holding.drawn() is None


def test_the_second_of_two_quick_presses_waits_for_the_first(clock: Clock) -> None:
    holding = KeyRepeat(clock)
    assert holding.press(Step(), pending=True) == Step()
    clock.now += 0.08
    assert holding.press(Step(), pending=True) is None
    assert holding.drawn() == Step()
    assert holding.drawn() is None


def test_forward_and_back_are_two_keys(clock: Clock) -> None:
    holding = KeyRepeat(clock)
    assert holding.press(Step(), pending=True) == Step()
    assert holding.press(StepBack(), pending=True) == StepBack()
    assert holding.press(Step(), pending=True) == Step()


async def test_twenty_keys_at_once_are_twenty_steps() -> None:
    async with driving() as driver:
        await driver.press_at_once(*"." * 20)
        await driver.status(epoch=20, state="PAUSED")
