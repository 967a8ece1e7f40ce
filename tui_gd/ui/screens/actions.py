"""What keys do to a run: `action_<name>` for every action of the key table.

Each function takes the screen of the run. `run_screen` gives a screen these functions as actions.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from textual import work

from tui_gd.errors import ProblemError
from tui_gd.learning.optimizers import OPTIMIZERS
from tui_gd.lessons.library import TOUR, bundled, language
from tui_gd.lessons.player import Player
from tui_gd.problems import SURFACES
from tui_gd.session import commands
from tui_gd.session.options import Scope, options_of
from tui_gd.session.roles import OF_COLUMNS, Asked, changed_roles, first_rows
from tui_gd.session.settings import RunSettings
from tui_gd.session.snapshot import RunState
from tui_gd.session.verdict import rescue_goal
from tui_gd.ui.context import Beginning, Context
from tui_gd.ui.keys import APP_ACTIONS, ladder
from tui_gd.ui.panels.lines import losses_in_words
from tui_gd.ui.panels.panel import Panel
from tui_gd.ui.panels.race import Mode
from tui_gd.ui.panels.readings import MEASURES
from tui_gd.ui.panels.widget import CellView
from tui_gd.ui.screens import exports
from tui_gd.ui.screens.exports import ask_export
from tui_gd.ui.screens.live_run import WATCHED_EPOCHS, WATCHED_SECONDS, Change, epochs_in_words
from tui_gd.ui.screens.pages import ColumnsScreen, HelpScreen
from tui_gd.ui.screens.questions import (
    FILE,
    FILE_WORDS,
    OPEN_FILE,
    OPTIMIZER_WORDS,
    Choice,
    Prompt,
    listed,
    loss_words,
    parse_epoch,
    parse_file,
    parse_learning_rate,
    parse_name,
    problem_words,
)
from tui_gd.ui.screens.run import RunScreen
from tui_gd.ui.screens.runs import RunsScreen
from tui_gd.ui.screens.settings_page import (
    SettingsPage,
    SettingsScreen,
    changes_in_words,
    in_short,
)
from tui_gd.ui.screens.table_page import TableScreen

# settings, and the action that also changes them: a lesson that locks it locks the setting
_SETTING_LOCKS = {
    "optimizer": "choose_optimizer",
    "loss": "choose_loss",
    "problem": "choose_problem",
    "alpha": "type_learning_rate",
    "seed": "new_start",
}
FIRST = "this is the first epoch"
# the name of a learner who has not given one
LEARNER = "learner"


def run_screen(context: Context, settings: RunSettings, beginning: Beginning) -> RunScreen:
    """Return the screen of a run, with every action of the key table."""
    screen = RunScreen(context, settings, beginning)
    functions = {**vars(exports), **globals()}
    for name in {action.name.partition("(")[0] for action in context.actions} - APP_ACTIONS:
        # where Textual looks for the function of a key
        setattr(screen, f"action_{name}", partial(_do, screen, functions[f"action_{name}"], name))
    return screen


def _do(screen: RunScreen, do: Callable[..., Any], name: str, *arguments: object) -> Any:
    """Perform an action, unless a lesson locks it now, or it waits for a run that is loading."""
    called = f"{name}({', '.join(map(repr, arguments))})" if arguments else name
    if why := screen.lesson.refusal(called):
        screen.notices.say(why)
        return None
    if screen.waits(name, called, partial(do, screen, *arguments)):
        return None
    return do(screen, *arguments)


def action_lesson(screen: RunScreen) -> None:
    """Leave the lesson, return to the one that was left, or begin the tour."""
    if screen.lesson.guide:
        screen.lesson.close()
        return
    if screen.lesson.left:
        screen.lesson.open(*screen.lesson.left)
    else:
        screen.lesson.open_saved(Player(bundled(TOUR, language(os.environ)), LEARNER))


# Training


def _say_diverged(screen: RunScreen) -> bool:
    """If the run has diverged, say so and how to go on; return whether it has."""
    snapshot = screen.run.sender.snapshot
    if snapshot.state is not RunState.DIVERGED:
        return False
    rescue = screen.context.keys.of("rescue")
    rate = screen.board.why.rescue_rate(screen.view, screen.run.sender.learning_rate)
    said = f"diverged at epoch {snapshot.epoch}: {rescue} goes back with α {rate:g}"
    screen.notices.say(said, warning=True)
    return True


def action_run_or_pause(screen: RunScreen) -> None:
    """Run or pause."""
    if screen.run.training:
        screen.run.sender.post(commands.Pause())
    elif not _say_diverged(screen):
        screen.run.sender.post(commands.Resume())


def action_step(screen: RunScreen, epochs: int) -> None:
    """Go some epochs forward."""
    if not _say_diverged(screen):
        _step(screen, commands.Step(epochs))


def action_step_back(screen: RunScreen, epochs: int) -> None:
    """Go some epochs back."""
    if screen.run.sender.snapshot.epoch == 0:
        screen.notices.say(FIRST)
    _step(screen, commands.StepBack(epochs))


def _step(screen: RunScreen, command: commands.Step | commands.StepBack) -> None:
    allowed = screen.key_repeat.press(command, pending=screen.step_pending)
    if allowed:
        screen.run.sender.post(allowed)


def action_first(screen: RunScreen) -> None:
    """Go to epoch 0."""
    if screen.run.sender.snapshot.epoch == 0:
        screen.notices.say(FIRST)
    screen.run.sender.post(commands.GoTo(0))


def action_newest(screen: RunScreen) -> None:
    """Go to the newest epoch."""
    snapshot = screen.run.sender.snapshot
    if snapshot.epoch == snapshot.newest and not screen.run.training:
        screen.notices.say("this is the newest epoch")
    screen.run.sender.post(commands.GoTo(None))


def action_flat_out(screen: RunScreen) -> None:
    """Switch between flat out and a pace that a person can watch."""
    watched = max(1.0, screen.run.settings.epochs / WATCHED_SECONDS)
    flat_out = screen.run.sender.snapshot.pace is None
    pace = min(watched, WATCHED_EPOCHS / WATCHED_SECONDS) if flat_out else None
    screen.run.sender.post(commands.SetPace(pace))
    screen.notices.say(f"{pace:.0f} epochs a second" if pace else "flat out")


@work
async def action_go_to(screen: RunScreen) -> None:
    """Ask for an epoch and go there."""
    snapshot = screen.run.sender.snapshot
    question = f"Go to epoch (0 to {snapshot.newest}, or further)"
    shown = _advised(screen, "go_to") or str(snapshot.epoch)
    epoch = await screen.app.push_screen_wait(Prompt(question, shown, parse_epoch))
    if epoch is not None:
        screen.run.sender.post(commands.GoTo(int(epoch)))


def action_rescue(screen: RunScreen) -> None:
    """Go back to before the loss rose, and set a learning rate below the limit."""
    snapshot = screen.run.sender.snapshot
    rate = screen.board.why.rescue_rate(screen.view, screen.run.sender.learning_rate)
    goal = rescue_goal(snapshot)
    before = f"epochs {goal + 1} to {snapshot.newest} with α {screen.run.sender.learning_rate:g}"
    change = Change(f"back at epoch {goal} with α {rate:g}", before)
    screen.run.discard(commands.StepBack(snapshot.epoch - goal), change)
    screen.run.sender.post(commands.SetLearningRate(rate))


def _advised(screen: RunScreen, action: str) -> str:
    """Return the value that the verdict advises for an action, or empty if it advises none."""
    tries = screen.board.why.verdict(screen.view).tries
    return next((one.argument for one in tries if one.action == action), "")


# Descent


def action_learning_rate(screen: RunScreen, rungs: int) -> None:
    """Move the learning rate on the ladder."""
    if 1e-300 < screen.run.sender.learning_rate < 1e300:
        screen.run.set_rate(ladder(screen.run.sender.learning_rate, rungs))


@work
async def action_type_learning_rate(screen: RunScreen) -> None:
    """Ask for a learning rate."""
    question = screen.context.terminal.symbols.spell("Learning rate α of the current lane")
    shown = f"{screen.run.sender.learning_rate:g}"
    rate = await screen.app.push_screen_wait(Prompt(question, shown, parse_learning_rate))
    if rate is not None:
        screen.run.set_rate(rate)


def action_check_gradient(screen: RunScreen) -> None:
    """Compare the gradient with differences of the loss in the step panel, or stop that."""
    screen.checking = not screen.checking
    screen.run.sender.post(commands.CheckGradient(screen.checking))
    screen.notices.say("differences of the loss beside g" if screen.checking else "the step again")


# Lanes


def action_branch(screen: RunScreen) -> None:
    """Branch here into a new lane, which becomes the current one."""
    screen.run.sender.post(commands.Branch())


@work
async def action_branch_with(screen: RunScreen) -> None:
    """Ask for another optimizer or loss, and branch here with it."""
    lane, advised = screen.run.sender.snapshot.lane, _advised(screen, "branch_with")
    losses, optimizers = loss_words(screen.run.problem.task), OPTIMIZER_WORDS
    words = {f"loss {name}": text for name, text in losses.items() if name != lane.loss_name}
    words |= {f"optimizer {name}": text for name, text in optimizers.items()}
    del words[f"optimizer {lane.optimizer.name}"]
    question = "Branch here into a new lane with another loss or optimizer"
    answer = await _choose(screen, question, words, advised, advised)
    if answer is not None:
        kind, _, name = answer.partition(" ")
        optimizer, loss = (name, None) if kind == "optimizer" else (None, name)
        screen.run.sender.post(commands.Branch(optimizer, loss))


async def _choose(
    screen: RunScreen, question: str, words: Mapping[str, str], now: str, advised: str = ""
) -> str | None:
    """Ask for one of several values, beginning at `now`; None if a person leaves."""
    options = listed(words, screen.context.terminal.symbols, advised)
    return await screen.app.push_screen_wait(Choice(question, options, now))


@work
async def action_name_lane(screen: RunScreen) -> None:
    """Ask for a new name for the current lane."""
    lane = screen.run.sender.snapshot.lane
    question = f"Name of lane {lane.name}"
    name = await screen.app.push_screen_wait(Prompt(question, lane.name, parse_name))
    if name is not None:
        screen.run.sender.post(commands.RenameLane(lane.number, name))


def action_hide_lane(screen: RunScreen) -> None:
    """Hide the current lane from plots whenever another lane is current, or show it again."""
    lane = screen.run.sender.snapshot.lanes[screen.run.sender.lane]
    screen.hidden ^= {lane.number}
    now = "hidden" if lane.number in screen.hidden else "shown"
    screen.notices.say(f"lane {lane.name} is {now} beside other lanes")


def action_close_lane(screen: RunScreen) -> None:
    """Drop the current lane."""
    lanes = screen.run.sender.snapshot.lanes
    lane = lanes[screen.run.sender.lane]
    if len(lanes) == 1:
        screen.notices.say(f"the last lane stays: {screen.context.keys.of('quit')} quits")
    else:
        change = Change(f"closed lane {lane.name}", f"it and its {lane.recorded} epochs")
        screen.run.discard(commands.CloseLane(lane.number), change)


def action_mark(screen: RunScreen) -> None:
    """From now on, compare other epochs to this one."""
    epoch = screen.run.sender.snapshot.epoch
    screen.run.sender.post(commands.Mark())
    screen.notices.say(f"changes are now those since epoch {epoch}")


# Beginning again: from a start, or with other settings


def action_reset(screen: RunScreen) -> None:
    """Go back to the same start."""
    snapshot = screen.run.sender.snapshot
    if snapshot.newest:
        change = Change("restarted from the same start", epochs_in_words(snapshot))
        screen.run.discard(commands.Reset(), change)
    else:
        screen.notices.say(f"this is the start; {screen.context.keys.of('new_start')} is another")


def action_new_start(screen: RunScreen) -> None:
    """Go to a new random start."""
    snapshot = screen.run.sender.snapshot
    before = f"{epochs_in_words(snapshot)} of seed {snapshot.seed}"
    screen.run.discard(commands.Reset(new_start=True), Change("a new random start", before))


def action_undo(screen: RunScreen) -> None:
    """Bring back the run that a key has replaced."""
    if earlier := screen.run.undo.before:
        screen.run.bring_back(earlier, back=True)
    else:
        runs = screen.context.keys.of("kept_runs")
        screen.notices.say(f"nothing to undo; {runs} lists the kept runs")


def action_redo(screen: RunScreen) -> None:
    """Go forward again to the run that undo has left."""
    if later := screen.run.undo.after:
        screen.run.bring_back(later, back=False)
    else:
        screen.notices.say("nothing to redo")


@work
async def action_choose_loss(screen: RunScreen) -> None:
    """Ask for the loss and begin again with it, from the same start."""
    advised = _advised(screen, "branch_with").partition("loss ")[2]
    words = loss_words(screen.run.problem.task)
    now = screen.run.settings.loss_for(screen.run.problem)
    question = "Begin again from the same start with the loss"
    loss = await _choose(screen, question, words, now, advised)
    if loss is not None and loss != now:
        begin_again(screen, _change(screen, *losses_in_words((loss, now))), loss=loss)


@work
async def action_choose_optimizer(screen: RunScreen) -> None:
    """Ask for the optimizer and begin again with it, from the same start."""
    advised = _advised(screen, "branch_with").partition("optimizer ")[2]
    now = screen.run.sender.snapshot.lane.optimizer.name
    question = "Begin again from the same start with the optimizer"
    name = await _choose(screen, question, OPTIMIZER_WORDS, now, advised)
    if name is not None and (name,) != screen.run.settings.optimizer:
        change = _change(screen, OPTIMIZERS[name], OPTIMIZERS[now])
        begin_again(screen, change, optimizer=(name,), momentum=None)


@work
async def action_choose_problem(screen: RunScreen) -> None:
    """Ask for the problem, and begin with it."""
    words, now = {FILE: FILE_WORDS, **problem_words()}, screen.run.settings.problem
    here = now if now in words else FILE
    name = await _choose(screen, "Begin another problem", words, here)
    if name == FILE:
        path = now if here == FILE else ""
        name = await screen.app.push_screen_wait(Prompt(OPEN_FILE, path, parse_file))
        if name is not None:
            begin_with(screen, name)
    elif name is not None and name != now:
        begin_with(screen, name)


def begin_with(screen: RunScreen, problem: str) -> None:
    """Begin with another problem, and keep the settings that suit it.

    Loss, start and learning rate are what a command line chooses if it does not name them.
    """
    snapshot = screen.run.sender.snapshot
    fresh = {"surface", "alpha", "l2", "loss", "start", "init", "target_loss", "class_weight"}
    fresh |= options_of(RunSettings, Scope.FILES, Scope.MADE).keys()
    changes: dict[str, Any] = {"problem": problem, "seed": snapshot.seed}
    if surface := SURFACES.get(problem):
        fresh |= options_of(RunSettings, Scope.ROWS).keys()
        if surface.learning_rate:
            changes["alpha"] = (surface.learning_rate,)
    before = f"{screen.run.problem.name.rpartition('/')[2]} with {epochs_in_words(snapshot)}"
    screen.run.begin(screen.run.wanted.changed(changes, fresh), Change(f"began {problem}", before))


def begin_again(screen: RunScreen, change: Change, **changes: Any) -> None:
    """Begin with other settings; keep learning rates that a person has set since the start."""
    snapshot = screen.run.sender.snapshot
    rates = tuple(lane.learning_rate for lane in snapshot.lanes)
    kept: dict[str, Any] = {"seed": snapshot.seed}
    # if there are several optimizers, each descends with each rate
    if len(screen.run.settings.optimizer) == 1 and rates != screen.run.settings.alpha:
        kept["alpha"] = rates
    screen.run.begin(screen.run.wanted.changed({**kept, **changes}), change)


@work
async def action_settings(screen: RunScreen, selected: str = "") -> None:
    """Show all settings; change the run at once if it allows that, else begin again with them."""
    run, snapshot = screen.run, screen.run.sender.snapshot
    keys, draft = screen.context.keys, screen.draft
    page = SettingsPage(run.wanted, run.settings, run.problem, snapshot, keys, draft, selected)
    changes = await screen.app.push_screen_wait(SettingsScreen(screen.context, page))
    if changes is None:
        return
    locks = [lock for name, lock in _SETTING_LOCKS.items() if name in changes]
    if why := next(filter(None, map(screen.lesson.refusal, locks)), ""):
        screen.draft.clear()
        screen.notices.say(why)
    elif "problem" in changes:
        action_choose_problem(screen)
    elif "target" in changes and changes["target"] is None:
        look_into_columns(screen, partial(action_settings, screen, "target"))
    elif page.at_once:
        screen.draft.clear()
        if "epochs" in changes:
            run.sender.post(commands.SetEpochs(changes["epochs"]))
            run.settings = replace(run.settings, epochs=changes["epochs"])
            run.wanted = replace(run.wanted, epochs=changes["epochs"])
        if "alpha" in changes:
            run.set_rate(changes["alpha"][0])
    else:
        said = f"began again with {changes_in_words(changes)}"
        before = changes_in_words({name: page.now(name) for name in changes})
        begin_again(screen, Change(said, f"{epochs_in_words(snapshot)} with {before}"), **changes)


def _change(screen: RunScreen, now: str, before: str) -> Change:
    """Return the words for beginning again on the same problem; `B` would keep both runs."""
    epochs = epochs_in_words(screen.run.sender.snapshot)
    return Change(f"began again with {now}", f"{epochs} with {before}", both=True)


def action_columns(screen: RunScreen) -> None:
    """Show how every column was prepared."""
    if screen.run.problem.surface:
        screen.notices.say("a surface has no columns")
        return

    def choose(wanted: bool | None) -> None:
        if wanted:
            look_into_columns(screen, partial(action_columns, screen))

    page = ColumnsScreen(screen.context, screen.run.problem, screen.run.settings)
    screen.app.push_screen(page, choose)


def look_into_columns(screen: RunScreen, back: Callable[[], Any]) -> None:
    """Read the first rows of the run's table, and ask for the roles of its columns.

    `back` shows the page before again.
    """
    settings = screen.run.wanted.changed(screen.draft)

    def look() -> None:
        try:
            asked = Asked(settings, look=first_rows(settings), in_run=True)
        except ProblemError as error:
            screen.notices.say_from_thread(str(error))
        else:
            screen.app.call_from_thread(choose_roles, screen, asked, back)

    screen.run.work(look, "reading the first rows")


@work
async def choose_roles(screen: RunScreen, asked: Asked, back: Callable[[], Any]) -> None:
    """Show the columns of the run's table, and begin again with the roles that are chosen."""
    run = screen.run
    shown = TableScreen(screen.context, asked, run.replaced)
    settings = await screen.app.push_screen_wait(shown)
    changes = {
        name: value
        for name in options_of(RunSettings)
        if (value := getattr(shown.page.settings, name)) != getattr(run.wanted, name)
    }
    if settings is None:
        screen.draft |= changes
        back()
    elif changes:
        snapshot = run.sender.snapshot
        fresh = ("alpha", "l2", "loss", "class_weight") if "target" in changes else ()
        old, new = changed_roles(asked.columns, run.wanted, settings)
        others = {name: value for name, value in changes.items() if name not in OF_COLUMNS}
        new += [changes_in_words(others)] if others else []
        before = f"{epochs_in_words(snapshot)} with {in_short(old)}".removesuffix(" with ")
        changes["seed"] = snapshot.seed
        change = Change(f"began again with {in_short(new)}", before)
        run.begin(run.wanted.changed(changes, fresh), change)


# The view: panels, curves, the cursor


def action_panel(screen: RunScreen, name: str) -> None:
    """Show a panel and put the focus on it."""
    screen.show_panel(name)


def action_focus_panel(screen: RunScreen, by: int) -> None:
    """Focus another panel; in a lesson, switch between the panel and the lesson."""
    if screen.lesson.take_focus(toggle=True):
        return
    screen.board.choose_next(by)
    screen.show_panel(screen.board.panel.NAME)


def action_maximise(screen: RunScreen) -> None:
    """Show only the focused panel."""
    screen.board.maximised = not screen.board.maximised
    screen.lay_out()


def action_restore(screen: RunScreen) -> None:
    """Give up what is loading, else leave the cursor, else show the whole plot, or all panels."""
    if screen.give_up_loading():
        return
    if screen.board.panel.cursor_on:
        screen.board.panel.end_cursor()
        screen.redraw()
    elif screen.board.panel.restore():
        screen.redraw()
    elif screen.board.maximised or not screen.lesson.take_focus():
        screen.board.maximised = False
        screen.lay_out()


def action_move(screen: RunScreen, by: int) -> None:
    """Move the selection in the focused panel: a sample, a row, or the current lane."""
    screen.move(screen.board.panel, by)
    screen.redraw()


def action_scroll(screen: RunScreen, pages: int) -> None:
    """Scroll the focused panel."""
    screen.board.panel.scroll_by(pages)
    screen.redraw()


def action_train_points(screen: RunScreen) -> None:
    """Switch between test and train points."""
    panel = screen.board.points
    if screen.run.runner and screen.run.problem.surface:
        screen.notices.say("a surface has no rows")
        return
    panel.train = not panel.train
    _changed(screen, panel, f"{'train' if panel.train else 'test'} points")


def action_theme(screen: RunScreen) -> None:
    """Switch between dark and light."""
    context = screen.context
    context.dark = not context.dark
    context.view = replace(context.view, theme="dark" if context.dark else "light")
    screen.app.theme = context.theme
    screen.redraw()


def action_help(screen: RunScreen) -> None:
    """Show the help."""
    screen.app.push_screen(HelpScreen(screen.context, screen.lesson.own_keys))


def _changed(screen: RunScreen, panel: Panel, words: str) -> None:
    """Draw a panel's change; if the panel is not on the screen, say what it shows now."""
    if not screen.board.shows(panel):
        screen.notices.say(f"{words}; {screen.context.keys.of(panel.action)} shows it")
    screen.redraw()


def action_log_axis(screen: RunScreen) -> None:
    """Switch the loss axis between linear and logarithmic."""
    screen.board.loss.toggle_log()
    axis = "logarithmic" if screen.board.loss.log_axis else "linear"
    _changed(screen, screen.board.loss, f"{axis} loss axis")


def action_log_epochs(screen: RunScreen) -> None:
    """Switch the epoch axis between linear and logarithmic."""
    screen.board.loss.log_epochs = not screen.board.loss.log_epochs
    axis = "logarithmic" if screen.board.loss.log_epochs else "linear"
    _changed(screen, screen.board.loss, f"{axis} epoch axis")


def action_measure(screen: RunScreen) -> None:
    """Draw the loss, the gradient norm or the learning rate."""
    screen.board.loss.next_measure()
    _changed(screen, screen.board.loss, MEASURES[screen.board.loss.measure].title)


def action_smooth(screen: RunScreen) -> None:
    """Smooth the curves more, or stop smoothing them."""
    screen.board.loss.smooth()
    over = screen.board.loss.smoothing
    _changed(screen, screen.board.loss, f"smoothed over {over}" if over else "not smoothed")


def action_zoom(screen: RunScreen, factor: float) -> None:
    """Zoom in the focused panel, or else in the loss."""
    if screen.run.runner:
        if not screen.board.panel.zoom(factor, screen.view):
            screen.board.loss.zoom(factor, screen.view)
        screen.redraw()


def action_pan(screen: RunScreen, share: float) -> None:
    """Move the window of the focused panel, or else of the loss."""
    if screen.run.runner:
        panel, loss = screen.board.panel, screen.board.loss
        if panel is loss or not panel.pan(share, screen.view):
            if not loss.windowed:
                zoom = screen.context.keys.of("zoom(2.0)")
                screen.notices.say(f"all epochs are shown; {zoom} zooms in")
            loss.pan(share, screen.view)
        screen.redraw()


def action_cursor(screen: RunScreen) -> None:
    """Put a cursor into the focused plot; if it has one, take the thing at the cursor."""
    panel = screen.board.panel
    if panel.cursor_on:
        command = panel.confirm(screen.view)
        panel.end_cursor()
        if command is not None:
            screen.carry_out(command)
    elif not panel.begin_cursor(screen.view):
        screen.notices.say(
            "no cursor here: loss, data, report of two classes, landscape, network, race, starts"
            " have one"
        )
    screen.redraw()


def action_meter(screen: RunScreen) -> None:
    """Show in the first line how much is sent to the terminal, or stop showing it."""
    screen.metered = not screen.metered
    screen.redraw()


def action_repaint(screen: RunScreen) -> None:
    """Send the whole screen again."""
    screen.app.refresh(repaint=True, layout=True)
    for widget in screen.query(CellView):
        widget.refresh()


# Studies


def action_race(screen: RunScreen, mode: Mode) -> None:
    """Race learning rates or optimizers from the viewed weights."""
    view = screen.view
    epoch = screen.board.race.start(mode, view)
    screen.show_panel("race")
    if epoch != view.snapshot.epoch:
        reset = view.keys.of("reset")
        screen.notices.say(f"diverged: racing from epoch {epoch}; {reset} goes back there")


def action_starts(screen: RunScreen) -> None:
    """Show where hundreds of random starts end."""
    screen.show_panel("starts")


@work
async def action_choose_plane(screen: RunScreen) -> None:
    """Ask for the weights of the landscape."""

    def parse(text: str) -> str:
        if fault := screen.board.landscape.choose_plane(text, screen.view):
            raise ValueError(fault)
        return text

    question = (
        "Landscape over two weights, as x1, bias or 1, 3: where the loss goes with these two\n"
        "or principal: the two directions that show most of the path"
    )
    if await screen.app.push_screen_wait(Prompt(question, "", parse)) is not None:
        screen.show_panel("landscape")


def action_kept_runs(screen: RunScreen) -> None:
    """Browse the kept runs, and continue the one that the person chooses, if any."""

    def go_on(kept: str | None) -> None:
        if kept is not None:
            screen.run.resume(kept)

    def export_kept(kept: str) -> None:
        ask_export(screen, None if kept == screen.run.kept_id else kept, kept)

    page = RunsScreen(screen.context, lambda: screen.run.kept_id, export_kept)
    screen.app.push_screen(page, go_on)
