"""What keys do to a run: `action_<name>` for every action of the key table.

Each function takes the screen of the run. `run_screen` gives a screen these functions as actions.
"""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from textual import work

from tui_gd.errors import OutputError, ProblemError
from tui_gd.learning.optimizers import OPTIMIZERS
from tui_gd.lessons.library import TOUR, bundled, language
from tui_gd.lessons.player import Player
from tui_gd.problems import SURFACES
from tui_gd.runs.record import RunRecord
from tui_gd.runs.resume import open_without_data
from tui_gd.runs.share import share_line
from tui_gd.session import commands
from tui_gd.session.options import Scope, options_of
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState, Snapshot
from tui_gd.ui.context import Beginning, Context
from tui_gd.ui.copying import MOST_SENT, copy_to_desktop, file_name, panel_text, write_panel
from tui_gd.ui.keys import APP_ACTIONS, ladder
from tui_gd.ui.panels.lines import loss_in_words
from tui_gd.ui.panels.race import Mode
from tui_gd.ui.panels.widget import CellView
from tui_gd.ui.screens.lesson import refusal
from tui_gd.ui.screens.pages import ColumnsScreen, HelpScreen
from tui_gd.ui.screens.questions import (
    OPTIMIZER_WORDS,
    Choice,
    ExportScreen,
    Prompt,
    folder_for,
    listed,
    loss_words,
    parse_epoch,
    parse_learning_rate,
    parse_name,
    problem_words,
)
from tui_gd.ui.screens.run import WATCHED_EPOCHS, WATCHED_SECONDS, RunScreen, epochs_in_words
from tui_gd.ui.screens.runs import RunsScreen
from tui_gd.ui.screens.settings_page import SettingsScreen, changes_in_words
from tui_gd.ui.undo import Change

RESCUE_EPOCHS = 10
# the name of a learner who has not given one
LEARNER = "learner"


def run_screen(context: Context, settings: RunSettings, beginning: Beginning) -> RunScreen:
    """Return the screen of a run, with every action of the key table."""
    run = RunScreen(context, settings, beginning)
    for name in {action.name.partition("(")[0] for action in context.actions} - APP_ACTIONS:
        # where Textual looks for the function of a key
        setattr(run, f"action_{name}", partial(_do, run, name))
    return run


def _do(run: RunScreen, name: str, *arguments: object) -> Any:
    """Perform an action, unless a lesson locks it now."""
    if run.guide:
        called = f"{name}({', '.join(map(repr, arguments))})" if arguments else name
        if why := refusal(run.guide.player, called):
            run.say(why)
            return None
    return globals()[f"action_{name}"](run, *arguments)


def action_lesson(run: RunScreen) -> None:
    """Leave the lesson, return to the one that was left, or begin the tour."""
    if run.guide:
        run.close_lesson()
        return
    if run.left_lesson:
        run.open_lesson(*run.left_lesson)
    else:
        run.open_saved(Player(bundled(TOUR, language(os.environ)), LEARNER))


# Training


def _say_diverged(run: RunScreen) -> bool:
    """If the run has diverged, say so and how to go on; return whether it has."""
    snapshot = run.sender.snapshot
    if snapshot is None or snapshot.state is not RunState.DIVERGED:
        return False
    rescue = run.context.keys.of("rescue")
    rate = run.board.why.rescue_rate(run.view, run.sender.learning_rate)
    said = f"diverged at epoch {snapshot.epoch}: {rescue} goes back with α {rate:g}"
    run.say(said, warning=True)
    return True


def action_run_or_pause(run: RunScreen) -> None:
    """Run or pause."""
    snapshot = run.sender.snapshot
    if snapshot and snapshot.state is RunState.RUNNING:
        run.sender.post(commands.Pause())
    elif not _say_diverged(run):
        run.sender.post(commands.Resume())


def action_step(run: RunScreen, epochs: int) -> None:
    """Go some epochs forward."""
    if not _say_diverged(run):
        _step(run, commands.Step(epochs))


def action_step_back(run: RunScreen, epochs: int) -> None:
    """Go some epochs back."""
    snapshot = run.sender.snapshot
    if snapshot and snapshot.epoch == 0:
        run.say("this is the first epoch")
    _step(run, commands.StepBack(epochs))


def _step(run: RunScreen, command: commands.Step | commands.StepBack) -> None:
    allowed = run.key_repeat.press(command, pending=run.step_pending)
    if allowed:
        run.sender.post(allowed)


def action_first(run: RunScreen) -> None:
    """Go to epoch 0."""
    run.sender.post(commands.GoTo(0))


def action_newest(run: RunScreen) -> None:
    """Go to the newest epoch."""
    run.sender.post(commands.GoTo(None))


def action_flat_out(run: RunScreen) -> None:
    """Switch between flat out and a pace that a person can watch."""
    if snapshot := run.sender.snapshot:
        watched = max(1.0, run.settings.epochs / WATCHED_SECONDS)
        pace = min(watched, WATCHED_EPOCHS / WATCHED_SECONDS) if snapshot.pace is None else None
        run.sender.post(commands.SetPace(pace))
        run.say(f"{pace:.0f} epochs a second" if pace else "flat out")


@work
async def action_go_to(run: RunScreen) -> None:
    """Ask for an epoch and go there."""
    if snapshot := run.sender.snapshot:
        question = f"Go to epoch (0 to {snapshot.newest}, or further)"
        shown = _advised(run, "go_to") or str(snapshot.epoch)
        epoch = await run.app.push_screen_wait(Prompt(question, shown, parse_epoch))
        if epoch is not None:
            run.sender.post(commands.GoTo(int(epoch)))


def action_rescue(run: RunScreen) -> None:
    """Go back to before the loss rose, and set a learning rate below the limit."""
    snapshot = run.sender.snapshot
    if snapshot is None:
        return
    rate = run.board.why.rescue_rate(run.view, run.sender.learning_rate)
    goal = rescue_epoch(snapshot)
    before = f"epochs {goal + 1} to {snapshot.newest} with α {run.sender.learning_rate:g}"
    change = Change(f"back at epoch {goal} with α {rate:g}", before)
    run.discard(commands.StepBack(snapshot.epoch - goal), change)
    run.sender.post(commands.SetLearningRate(rate))


def rescue_epoch(snapshot: Snapshot) -> int:
    """Return the epoch of the least loss if the loss has at least doubled since then.

    It is at least `RESCUE_EPOCHS` back. Otherwise return the epoch that many back, or the first.
    """
    train, usual = snapshot.recent.train, max(0, snapshot.epoch - RESCUE_EPOCHS)
    if not np.isfinite(train).any():
        return usual
    lowest = int(np.nanargmin(train))
    if snapshot.lane.loss > 2.0 * train[lowest]:
        return min(usual, snapshot.recent.first + lowest)
    return usual


def _advised(run: RunScreen, action: str) -> str:
    """Return the value that the verdict advises for an action, or empty if it advises none."""
    tries = run.board.why.verdict(run.view).tries
    return next((one.argument for one in tries if one.action == action), "")


# Descent


def action_learning_rate(run: RunScreen, rungs: int) -> None:
    """Move the learning rate on the ladder."""
    if 1e-300 < run.sender.learning_rate < 1e300:
        run.set_rate(ladder(run.sender.learning_rate, rungs))


@work
async def action_type_learning_rate(run: RunScreen) -> None:
    """Ask for a learning rate."""
    if run.sender.snapshot:
        question = run.context.terminal.symbols.spell("Learning rate α of the current lane")
        shown = f"{run.sender.learning_rate:g}"
        rate = await run.app.push_screen_wait(Prompt(question, shown, parse_learning_rate))
        if rate is not None:
            run.set_rate(rate)


def action_check_gradient(run: RunScreen) -> None:
    """Compare the gradient with differences of the loss in the step panel, or stop that."""
    run.checking = not run.checking
    run.sender.post(commands.CheckGradient(run.checking))
    run.say("differences of the loss beside g" if run.checking else "the step again")


# Lanes


def action_branch(run: RunScreen) -> None:
    """Branch here into a new lane, which becomes the current one."""
    run.sender.post(commands.Branch())


@work
async def action_branch_with(run: RunScreen) -> None:
    """Ask for another optimizer or loss, and branch here with it."""
    if snapshot := run.sender.snapshot:
        lane, advised = snapshot.lane, _advised(run, "branch_with")
        symbols = run.context.terminal.symbols
        optimizers = {k: v for k, v in OPTIMIZER_WORDS.items() if k != lane.optimizer.name}
        losses = {k: v for k, v in loss_words(run.problem.task).items() if k != lane.loss_name}
        options = listed(losses, symbols, advised, "loss")
        options += listed(optimizers, symbols, advised, "optimizer")
        question = "Branch here into a new lane with another loss or optimizer"
        answer = await run.app.push_screen_wait(Choice(question, options, advised))
        if answer is not None:
            kind, _, name = answer.partition(" ")
            optimizer, loss = (name, None) if kind == "optimizer" else (None, name)
            run.sender.post(commands.Branch(optimizer, loss))


@work
async def action_name_lane(run: RunScreen) -> None:
    """Ask for a new name for the current lane."""
    if snapshot := run.sender.snapshot:
        lane = snapshot.lane
        question = f"Name of lane {lane.name}"
        name = await run.app.push_screen_wait(Prompt(question, lane.name, parse_name))
        if name is not None:
            run.sender.post(commands.RenameLane(lane.number, name))


def action_hide_lane(run: RunScreen) -> None:
    """Hide the current lane from plots whenever another lane is current, or show it again."""
    if snapshot := run.sender.snapshot:
        lane = snapshot.lanes[run.sender.lane]
        run.hidden ^= {lane.number}
        hidden = lane.number in run.hidden
        run.say(f"lane {lane.name} is {'hidden' if hidden else 'shown'} beside other lanes")


def action_close_lane(run: RunScreen) -> None:
    """Drop the current lane."""
    if snapshot := run.sender.snapshot:
        lane = snapshot.lanes[run.sender.lane]
        if len(snapshot.lanes) == 1:
            run.say(f"the last lane stays: {run.context.keys.of('quit')} quits")
        else:
            before = f"it and its {lane.recorded} epochs"
            change = Change(f"closed lane {lane.name}", before)
            run.discard(commands.CloseLane(lane.number), change)


def action_mark(run: RunScreen) -> None:
    """From now on, compare other epochs to this one."""
    if snapshot := run.sender.snapshot:
        run.sender.post(commands.Mark())
        run.say(f"changes are now those since epoch {snapshot.epoch}")


# Beginning again: from a start, or with other settings


def action_reset(run: RunScreen) -> None:
    """Go back to the same start."""
    if (snapshot := run.sender.snapshot) and snapshot.newest:
        change = Change("restarted from the same start", epochs_in_words(snapshot))
        run.discard(commands.Reset(), change)


def action_new_start(run: RunScreen) -> None:
    """Go to a new random start."""
    if snapshot := run.sender.snapshot:
        before = f"{epochs_in_words(snapshot)} of seed {snapshot.seed}"
        run.discard(commands.Reset(new_start=True), Change("a new random start", before))


def action_undo(run: RunScreen) -> None:
    """Bring back the run that a key has replaced."""
    if earlier := run.undo.before:
        run.bring_back(earlier, back=True)
    elif run.runner:
        runs = run.context.keys.of("kept_runs")
        run.say(f"nothing to undo; {runs} lists the kept runs")


def action_redo(run: RunScreen) -> None:
    """Go forward again to the run that undo has left."""
    if later := run.undo.after:
        run.bring_back(later, back=False)
    elif run.runner:
        run.say("nothing to redo")


@work
async def action_choose_loss(run: RunScreen) -> None:
    """Ask for the loss and begin again with it, from the same start."""
    if run.sender.snapshot:
        advised = _advised(run, "branch_with").partition("loss ")[2]
        options = listed(loss_words(run.problem.task), run.context.terminal.symbols, advised)
        now = run.settings.loss_for(run.problem)
        question = "Begin again from the same start with the loss"
        loss = await run.app.push_screen_wait(Choice(question, options, now))
        if loss is not None and loss != now:
            begin_again(run, _change(run, loss_in_words(loss), loss_in_words(now)), loss=loss)


@work
async def action_choose_optimizer(run: RunScreen) -> None:
    """Ask for the optimizer and begin again with it, from the same start."""
    if run.sender.snapshot:
        advised = _advised(run, "branch_with").partition("optimizer ")[2]
        options = listed(OPTIMIZER_WORDS, run.context.terminal.symbols, advised)
        now = run.sender.snapshot.lane.optimizer.name
        question = "Begin again from the same start with the optimizer"
        name = await run.app.push_screen_wait(Choice(question, options, now))
        if name is not None and (name,) != run.settings.optimizer:
            change = _change(run, OPTIMIZERS[name], OPTIMIZERS[now])
            begin_again(run, change, optimizer=(name,), momentum=None)


@work
async def action_choose_problem(run: RunScreen) -> None:
    """Ask for the problem, and begin with it."""
    if run.sender.snapshot:
        options = listed(problem_words(), run.context.terminal.symbols)
        question = "Begin another problem"
        name = await run.app.push_screen_wait(Choice(question, options, run.settings.problem))
        if name is not None and name != run.settings.problem:
            begin_with(run, name)


def begin_with(run: RunScreen, problem: str) -> None:
    """Begin with another problem, and keep the settings that suit it.

    Loss, start and learning rate are what a command line chooses if it does not name them.
    """
    snapshot = run.sender.snapshot
    assert snapshot
    fresh = {"surface", "alpha", "loss", "start", "init", "target_loss", "class_weight"}
    fresh |= options_of(RunSettings, Scope.FILES, Scope.MADE).keys()
    changes: dict[str, Any] = {"problem": problem, "seed": snapshot.seed}
    if surface := SURFACES.get(problem):
        fresh |= options_of(RunSettings, Scope.ROWS).keys()
        if surface.learning_rate:
            changes["alpha"] = (surface.learning_rate,)
    before = f"{run.problem.name.rpartition('/')[2]} with {epochs_in_words(snapshot)}"
    run.begin(run.wanted.changed(changes, fresh), Change(f"began {problem}", before))


def begin_again(run: RunScreen, change: Change, **changes: Any) -> None:
    """Begin with other settings; keep learning rates that a person has set since the start."""
    snapshot = run.sender.snapshot
    assert snapshot
    rates = tuple(lane.learning_rate for lane in snapshot.lanes)
    kept: dict[str, Any] = {"seed": snapshot.seed}
    # if there are several optimizers, each descends with each rate
    if len(run.settings.optimizer) == 1 and rates != run.settings.alpha:
        kept["alpha"] = rates
    run.begin(run.wanted.changed({**kept, **changes}), change)


@work
async def action_settings(run: RunScreen, selected: str = "") -> None:
    """Show all settings; change the run at once if it allows that, else begin again with them."""
    if (snapshot := run.sender.snapshot) is None:
        return
    page = SettingsScreen(
        run.context, run.wanted, run.settings, run.problem, snapshot, run.draft, selected
    )
    changes = await run.app.push_screen_wait(page)
    if changes is None:
        return
    if "problem" in changes:
        action_choose_problem(run)
    elif page.at_once:
        run.draft.clear()
        if "epochs" in changes:
            run.sender.post(commands.SetEpochs(changes["epochs"]))
            run.settings = replace(run.settings, epochs=changes["epochs"])
            run.wanted = replace(run.wanted, epochs=changes["epochs"])
        if "alpha" in changes:
            run.set_rate(changes["alpha"][0])
    else:
        said = f"began again with {changes_in_words(changes)}"
        before = changes_in_words({name: page.now(name) for name in changes})
        begin_again(run, Change(said, f"{epochs_in_words(snapshot)} with {before}"), **changes)


def _change(run: RunScreen, now: str, before: str) -> Change:
    """Return the words for beginning again on the same problem; `B` would keep both runs."""
    snapshot = run.sender.snapshot
    assert snapshot
    epochs = epochs_in_words(snapshot)
    return Change(f"began again with {now}", f"{epochs} with {before}", both=True)


def action_columns(run: RunScreen) -> None:
    """Show how every column was prepared."""
    if run.runner is None:
        return
    if run.problem.surface:
        run.say("a surface has no columns")
    else:
        run.app.push_screen(ColumnsScreen(run.context, run.problem, run.settings))


# The view: panels, curves, the cursor


def action_panel(run: RunScreen, name: str) -> None:
    """Show a panel and put the focus on it."""
    run.show_panel(name)


def action_focus_panel(run: RunScreen, by: int) -> None:
    """Focus another panel; in a lesson, switch between the panel and the lesson."""
    if run.focus_lesson(toggle=True):
        return
    run.board.choose_next(by)
    run.show_panel(run.board.panel.NAME)


def action_maximise(run: RunScreen) -> None:
    """Show only the focused panel."""
    run.board.maximised = not run.board.maximised
    run.lay_out()


def action_restore(run: RunScreen) -> None:
    """Leave the cursor, else show the whole plot, else show all panels again."""
    if run.board.panel.cursor_on:
        run.board.panel.end_cursor()
        run.redraw()
    elif run.board.panel.restore():
        run.redraw()
    elif run.board.maximised or not run.focus_lesson():
        run.board.maximised = False
        run.lay_out()


def action_move(run: RunScreen, by: int) -> None:
    """Move the selection in the focused panel: a sample, a row, or the current lane."""
    if run.runner:
        run.sender.choose_lane(run.board.panel.moved(by, run.view))
        run.redraw()


def action_scroll(run: RunScreen, pages: int) -> None:
    """Scroll the focused panel."""
    run.board.panel.scroll_by(pages)
    run.redraw()


def action_train_points(run: RunScreen) -> None:
    """Switch between test and train points."""
    panel = run.board.points
    panel.train = not panel.train
    run.redraw()


def action_theme(run: RunScreen) -> None:
    """Switch between dark and light."""
    run.context.dark = not run.context.dark
    run.context.view = replace(run.context.view, theme="dark" if run.context.dark else "light")
    run.app.theme = run.context.theme
    run.redraw()


def action_help(run: RunScreen) -> None:
    """Show the help."""
    run.app.push_screen(HelpScreen(run.context, run.lesson_keys))


def action_log_axis(run: RunScreen) -> None:
    """Switch the loss axis between linear and logarithmic."""
    run.board.loss.toggle_log()
    run.redraw()


def action_log_epochs(run: RunScreen) -> None:
    """Switch the epoch axis between linear and logarithmic."""
    run.board.loss.log_epochs = not run.board.loss.log_epochs
    run.redraw()


def action_measure(run: RunScreen) -> None:
    """Draw the loss, the gradient norm or the learning rate."""
    run.board.loss.next_measure()
    run.redraw()


def action_smooth(run: RunScreen) -> None:
    """Smooth the curves more, or stop smoothing them."""
    run.board.loss.smooth()
    run.redraw()


def action_zoom(run: RunScreen, factor: float) -> None:
    """Zoom in the focused panel, or else in the loss."""
    if run.runner:
        if not run.board.panel.zoom(factor, run.view):
            run.board.loss.zoom(factor, run.view)
        run.redraw()


def action_pan(run: RunScreen, share: float) -> None:
    """Move the window of the focused panel, or else of the loss."""
    if run.runner:
        if not run.board.panel.pan(share, run.view):
            run.board.loss.pan(share, run.view)
        run.redraw()


def action_cursor(run: RunScreen) -> None:
    """Put a cursor into the focused plot; if it has one, take the thing at the cursor."""
    if run.runner is None:
        return
    panel = run.board.panel
    if panel.cursor_on:
        command = panel.confirm(run.view)
        panel.end_cursor()
        if command is not None:
            run.carry_out(command)
    elif not panel.begin_cursor(run.view):
        run.say(
            "no cursor here: loss, data, report of two classes, landscape, network, race, starts"
            " have one"
        )
    run.redraw()


def action_meter(run: RunScreen) -> None:
    """Show in the first line how much is sent to the terminal, or stop showing it."""
    run.metered = not run.metered
    run.redraw()


# Studies


def action_race(run: RunScreen, mode: Mode) -> None:
    """Race learning rates or optimizers from the viewed weights."""
    if run.runner:
        view = run.view
        epoch = run.board.race.start(mode, view)
        run.show_panel("race")
        if epoch != view.snapshot.epoch:
            reset = view.keys.of("reset")
            run.say(f"diverged: racing from epoch {epoch}; {reset} goes back there")


def action_starts(run: RunScreen) -> None:
    """Show where hundreds of random starts end."""
    run.show_panel("starts")


@work
async def action_choose_plane(run: RunScreen) -> None:
    """Ask for the weights of the landscape."""
    if run.runner is None:
        return

    def parse(text: str) -> str:
        if fault := run.board.landscape.choose_plane(text, run.view):
            raise ValueError(fault)
        return text

    question = (
        "Landscape over two weights, as x1, bias or 1, 3: where the loss goes with these two\n"
        "or principal: the two directions that show most of the path"
    )
    if await run.app.push_screen_wait(Prompt(question, "", parse)) is not None:
        run.show_panel("landscape")


# Numbers, kept runs and exports


def _numbers(run: RunScreen) -> str:
    panel = run.board.panel
    return panel_text(run.view, panel.NAME, panel.numbers(run.view))


def action_copy(run: RunScreen) -> None:
    """Copy the focused panel's numbers to the desktop's clipboard, or send them to the terminal."""
    if run.runner is None:
        return
    text, panel = _numbers(run), run.board.panel.NAME
    lines = f"{len(text.splitlines())} lines of {panel}"
    write = f"{run.context.keys.of('write')} writes {file_name(run.view, panel)}"
    if copy_to_desktop(text, os.environ):
        run.say(f"copied {lines}; {write}")
    elif len(text) > MOST_SENT:
        run.say(f"{lines} are too long for the terminal's clipboard; {write}", warning=True)
    else:
        run.app.copy_to_clipboard(text)
        run.app.refresh(layout=True)  # urxvt writes a longer text over the screen
        run.say(f"sent {lines} to the terminal, which may ignore it; {write}")


def action_repaint(run: RunScreen) -> None:
    """Send the whole screen again."""
    run.app.refresh(repaint=True, layout=True)
    for widget in run.query(CellView):
        widget.refresh()


@work(thread=True, group="export")
def action_share(run: RunScreen) -> None:
    """Copy the line that repeats the run, and show it."""
    try:
        line = share_line(run.exported())
    except ProblemError as error:
        run.say_from_thread(str(error))
    else:
        run.app.call_from_thread(_show_line, run, line)


def _show_line(run: RunScreen, line: str) -> None:
    run.app.copy_to_clipboard(line)
    run.app.push_screen(Prompt("Copied: gd-tui and this line in quotes repeat the run", line, str))


def action_write(run: RunScreen) -> None:
    """Write the focused panel's numbers to a file."""
    if run.runner is None:
        return
    try:
        path = write_panel(run.view, run.board.panel.NAME, _numbers(run))
    except OutputError as error:
        run.say(f"cannot write {error}", warning=True)
    else:
        run.say(f"wrote {path}")


def action_kept_runs(run: RunScreen) -> None:
    """Browse the kept runs, and continue the one that the person chooses, if any."""

    def go_on(kept: str | None) -> None:
        if kept is not None:
            run.open_kept(kept)

    def export_kept(kept: str) -> None:
        _export(run, None if kept == run.kept_id else kept, kept)

    screen = RunsScreen(run.context, current=lambda: run.kept_id, export=export_kept)
    run.app.push_screen(screen, go_on)


def action_export(run: RunScreen) -> None:
    """Ask which files to export of the run on the screen, and the folder for them."""
    if run.runner:
        _export(run, None, "this run")


@work
async def _export(run: RunScreen, kept: str | None, what: str) -> None:
    """Export a kept run by its id, or the run on the screen; dialogs call it `what`."""
    from tui_gd.runs.exports import KINDS, SCREEN, USUAL

    kinds = [(kind, text) for kind, text in KINDS.items() if kind != SCREEN or kept is None]
    folder = folder_for(kept) if kept else folder_for(run.settings.problem, run.kept_id or "")
    answer = await run.app.push_screen_wait(ExportScreen(what, kinds, USUAL, folder))
    if answer is not None:
        picture = run.app.export_screenshot() if SCREEN in answer[0] else ""
        run.say(f"exporting {what} ...")
        _write_export(run, kept, *answer, picture)


@work(thread=True, group="export")
def _write_export(
    run: RunScreen, kept: str | None, kinds: tuple[str, ...], folder: str, picture: str
) -> None:
    from tui_gd.runs.exports import export

    try:
        exported = kept_export(run.context, kept) if kept else run.exported()
        paths = export(exported, kinds, Path(folder).expanduser(), picture=picture)
    except (ProblemError, OutputError) as error:
        said, warning = str(error), True
    except Exception as error:
        # a fault in an export must not end the run
        said, warning = f"cannot export: {type(error).__name__}: {error}", True
    else:
        said = f"wrote {len(paths)} file{'s' if len(paths) > 1 else ''} into {folder}"
        warning = False
    run.say_from_thread(said, warning=warning)


def kept_export(context: Context, kept: str) -> RunRecord:
    """Return the kept run with that id, in the form that exports take."""
    with context.open_library() as store:
        return open_without_data(store, store.find(kept))
