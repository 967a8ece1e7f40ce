"""How often studies are made, and that they wait while a frame is drawn."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tui_gd.ui import studies as module
from tui_gd.ui.studies import Progress, Studies, Study


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def nothing(_: object) -> None:
    """Show nothing."""


def make(studies: Studies, clock: Clock, panel: str, key: int, took: float) -> bool:
    """Make a study that takes so long if it is to be made now; return whether it was."""
    study = Study((key,), lambda _: None)
    if studies.begin(panel, study, running=True, show=nothing) is None:
        return False
    clock.now += took
    studies.end(panel, found=True)
    return True


def share_of_time(panels: list[str], took: float) -> float:
    """What studies that are outdated in every frame take of a minute."""
    clock = Clock()
    studies = Studies(clock)
    begun, frames, made = clock.now, 0, 0
    while clock.now < begun + 60.0:
        for panel in panels:
            made += make(studies, clock, panel, frames, took)
        frames += 1
        clock.now += 1 / 15
    return made * took / (clock.now - begun)


@pytest.mark.parametrize("panels", [["why"], ["why", "report"], ["why", "report", "landscape"]])
@pytest.mark.parametrize("took", [0.05, 0.2])
def test_all_studies_together_take_a_tenth_of_the_time(panels: list[str], took: float) -> None:
    # the first study of each is made at once, and is in the minute that is counted
    assert share_of_time(panels, took) <= 0.1 + len(panels) * took / 60.0


def test_a_study_that_stays_as_it_is_takes_no_share() -> None:
    clock = Clock()
    studies = Studies(clock)
    assert make(studies, clock, "race", 0, 2.0)
    assert make(studies, clock, "why", 0, 0.1)
    clock.now += 1.01  # ten times as long, less what it took itself
    assert not make(studies, clock, "race", 0, 2.0)
    assert make(studies, clock, "why", 1, 0.1)


def test_a_study_waits_for_a_frame_and_goes_on_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRAME_SECONDS", 20.0)
    studies = Studies(Clock())
    progress = studies.begin("why", Study((1,), nothing), running=True, show=nothing)
    assert progress
    asked, answered = threading.Event(), threading.Event()

    def ask() -> None:
        asked.set()
        assert progress.wanted
        answered.set()

    studies.begin_frame()
    thread = threading.Thread(target=ask)
    thread.start()
    asked.wait(20.0)
    assert not answered.wait(0.05)
    studies.end_frame()
    thread.join(20.0)
    assert answered.is_set()


def test_a_frame_that_never_ends_does_not_hold_a_study_for_ever() -> None:
    studies = Studies(Clock())
    progress = studies.begin("why", Study((1,), nothing), running=True, show=nothing)
    studies.begin_frame()
    assert progress
    assert progress.wanted


def test_at_rest_what_is_outdated_is_no_longer_wanted() -> None:
    shown: list[Any] = []
    studies = Studies(Clock())
    progress = studies.begin("why", Study((1,), nothing), running=True, show=shown.append)
    assert isinstance(progress, Progress)
    assert studies.begin("why", Study((2,), nothing), running=True, show=nothing) is None
    assert progress.wanted
    progress.show("part")
    assert studies.begin("why", Study((3,), nothing), running=False, show=nothing) is None
    assert not progress.wanted
    progress.show("another part")
    assert shown == ["part"]
