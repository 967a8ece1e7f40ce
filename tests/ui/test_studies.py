"""How often studies are made, that they wait for frames; what studies and panels share."""

from __future__ import annotations

import gc
import threading
import weakref
from types import SimpleNamespace
from typing import Any

import pytest

from tui_gd.learning.engine import Interrupted
from tui_gd.plots.cells import Cells
from tui_gd.plots.palette import Style, palette_for
from tui_gd.plots.symbols import UNICODE
from tui_gd.ui import studies as module
from tui_gd.ui.panels.panel import KeptEngine
from tui_gd.ui.panels.why import WhyPanel
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


def test_a_study_that_is_no_longer_wanted_is_given_up_where_it_checks() -> None:
    progress = Progress(nothing)
    progress.check()
    progress.wanted = False
    with pytest.raises(Interrupted):
        progress.check()


def test_when_all_studies_are_stopped_what_they_were_about_is_let_go() -> None:
    class Data:
        """A problem, as far as a key goes."""

    data, studies = Data(), Studies(Clock())
    held = weakref.ref(data)
    key = (data,)
    progress = studies.begin("race", Study(key, nothing), running=False, show=nothing)
    assert progress
    studies.stop()
    assert not progress.wanted
    studies.end("race", found=True)
    del data, key
    gc.collect()
    assert held() is None
    assert studies.begin("race", Study((1,), nothing), running=False, show=nothing)


def test_an_engine_is_kept_until_data_or_loss_are_others() -> None:
    made: list[str] = []

    def make_engine(loss_name: str) -> Any:
        made.append(loss_name)
        return object()

    view: Any = SimpleNamespace(problem=object(), settings=1, make_engine=make_engine)
    kept = KeptEngine()
    first = kept.of(view, "sse")
    assert kept.of(view, "sse") is first
    assert kept.of(view, "mse") is not first
    other: Any = SimpleNamespace(problem=object(), settings=1, make_engine=make_engine)
    assert kept.of(other, "mse")
    assert made == ["sse", "mse", "mse"]


def test_what_is_seen_of_more_lines_than_there_is_room_for() -> None:
    panel, style = WhyPanel(), Style(palette_for("256", True), UNICODE)
    view: Any = None
    assert panel.first_line(20, 6) == 0
    panel.scroll_by(1)
    assert panel.first_line(20, 6) == 5  # the last line seen is seen again
    panel.scroll_by(9)
    assert panel.first_line(20, 6) == 14
    cells = Cells.blank(8, 30, style)
    panel.put_place(cells, 20, 6, style.palette)
    assert " pgdn 15-20/20 " in cells.text()[-1]
    panel.move(-99, view)
    assert panel.first_line(20, 6) == 0
    assert panel.first_line(3, 6) == 0
    cells = Cells.blank(8, 30, style)
    panel.put_place(cells, 3, 6, style.palette)
    assert not "".join(cells.text()).strip()
