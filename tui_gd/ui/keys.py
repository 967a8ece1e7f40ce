"""The one table of what keys do: it feeds the bindings, the footer, the help and the palette."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """What one or several keys do.

    `name` is the method `action_<name>` of the run's screen, with its arguments; of the app for
    those in `APP_ACTIONS`. `keys` are Textual's names
    of keys, comma-separated, `shown` how help and footer write them; where it is empty the line
    before tells of both. `footer` is the word in the footer; without one the key is left to the
    help.
    """

    name: str
    keys: str
    shown: str
    text: str
    group: str
    footer: str = ""


ACTIONS = (
    Action("run_or_pause", "space,f5", "space or F5", "run / pause", "Training", "run/pause"),
    Action(
        "step(1)",
        "full_stop,right,f7",
        ". or → F7",
        "one epoch forward (pauses)",
        "Training",
        "step",
    ),
    Action("step_back(1)", "comma,left,f6", ", or ← F6", "one epoch back", "Training", "back"),
    Action("step(10)", "greater_than_sign,f9", "> or F9", "ten epochs forward", "Training"),
    Action("step_back(10)", "less_than_sign,f8", "< or F8", "ten epochs back", "Training"),
    Action("first", "home,A", "home A, end G", "first / newest epoch", "Training"),
    Action("newest", "end,G", "", "newest epoch", "Training"),
    Action("go_to", "g", "g", "go to an epoch", "Training"),
    Action("flat_out", "f", "f", "flat out, or slowly enough to be watched", "Training"),
    Action("rescue", "u", "u", "back ten epochs or to the least loss, α/10", "Training"),
    Action(
        "learning_rate(1)",
        "plus,equals_sign,U",
        "+ or = U",
        "learning rate up on the ladder 1, 3, 10",
        "Descent",
        "α up",
    ),
    Action(
        "learning_rate(-1)",
        "minus,J",
        "- or J",
        "learning rate down on the ladder 1, 3, 10",
        "Descent",
        "α down",
    ),
    Action("type_learning_rate", "a", "a", "type a learning rate", "Descent"),
    Action("reset", "r", "r", "again from the same start", "Descent"),
    Action("new_start", "n", "n", "new random start", "Descent"),
    Action(
        "take_back",
        "backspace,0",
        "0, backspace",
        "undo beginning again; again: redo",
        "Descent",
    ),
    Action("choose_optimizer", "o", "o", "choose the optimizer", "Descent"),
    Action("choose_loss", "l", "l", "choose the loss", "Descent"),
    Action("choose_problem", "d", "d", "choose the problem", "Descent"),
    Action("columns", "D", "D", "what was done to the columns", "Descent"),
    Action("check_gradient", "c", "c", "hold g against differences of the loss", "Descent"),
    Action("branch", "b", "b", "branch here into a new lane", "Lanes"),
    Action("branch_with", "B", "B", "branch with another optimizer or loss", "Lanes"),
    Action("name_lane", "N", "N", "name the current lane", "Lanes"),
    Action("hide_lane", "V", "V", "hide / show the current lane in plots", "Lanes"),
    Action("close_lane", "C", "C", "close the current lane", "Lanes"),
    Action("race('rates')", "R", "R", "race of 64 learning rates from here", "Studies"),
    Action("race('optimizers')", "O", "O", "race of all optimizers from here", "Studies"),
    Action("starts", "S", "S", "hundreds of random starts", "Studies"),
    Action("mark", "x", "x", "mark this epoch: changes are from it", "Studies"),
    Action("choose_plane", "v", "v", "choose the weights of the landscape", "Studies"),
    Action("panel('loss')", "1", "1", "the loss", "Panels"),
    Action("panel('data')", "2", "2", "the data and its decision regions", "Panels"),
    Action("panel('report')", "3", "3", "the report", "Panels"),
    Action("panel('step')", "4", "4", "the arithmetic of the step", "Panels"),
    Action("panel('landscape')", "5", "5", "the loss landscape and the path", "Panels"),
    Action("panel('lanes')", "6", "6", "the list of lanes", "Panels"),
    Action("panel('why')", "7", "7", "why it goes as it goes; the safe α", "Panels"),
    Action("panel('changes')", "8", "8", "what changed since a marked epoch", "Panels"),
    Action("panel('network')", "9", "9", "the network and its units", "Panels"),
    Action("log_axis", "y", "y", "logarithmic loss axis", "Curves"),
    Action("log_epochs", "Y", "Y", "logarithmic epoch axis", "Curves"),
    Action("measure", "i", "i", "draw loss, gradient norm, or α", "Curves"),
    Action("smooth", "s", "s", "smooth over 5, 21, 101 epochs", "Curves"),
    Action("zoom(2.0)", "z", "z, Z, wheel", "zoom in / out: loss or landscape", "Curves"),
    Action("zoom(0.5)", "Z", "", "zoom out", "Curves"),
    Action("pan(-0.25)", "h", "h, H, drag", "look further left / right", "Curves"),
    Action("pan(0.25)", "H", "", "look further right", "Curves"),
    Action("train_points", "p", "p", "show test points / train points", "View"),
    Action("maximise", "m", "m", "maximise the focused panel", "View"),
    Action("restore", "escape,M", "esc or M", "leave the cursor; all panels again", "View"),
    Action("focus_panel(1)", "tab,P", "tab or P, I", "focus the next / previous panel", "View"),
    Action("focus_panel(-1)", "shift+tab,I", "", "focus the previous panel", "View"),
    Action("move(1)", "down,j", "↓ ↑ or j k", "next / previous sample, row or lane", "View"),
    Action("move(-1)", "up,k", "", "previous sample, row or lane", "View"),
    Action("scroll(1)", "pagedown,K", "pgdn K pgup T", "scroll the focused panel", "View"),
    Action("scroll(-1)", "pageup,T", "", "scroll the focused panel up", "View"),
    Action("cursor", "enter,E", "enter or E", "cursor: arrows move it, enter takes", "View"),
    Action("copy", "w", "w, W", "copy the panel's numbers / write a file", "Program"),
    Action("write", "W", "", "write the panel's numbers to a file", "Program"),
    Action("export", "e", "e", "export report, losses, weights and more", "Program"),
    Action("kept_runs", "L", "L", "the kept runs: compare, go on, delete", "Program"),
    Action("meter", "F", "F", "frames and kB/s sent, in the status line", "Program"),
    Action("theme", "t", "t", "dark / light", "Program"),
    Action("help", "question_mark,f1", "? or F1", "this help", "Program", "help"),
    Action("command_palette", "ctrl+p,colon,X", "ctrl+p : or X", "all commands by name", "Program"),
    Action("quit", "q,ctrl+c,ctrl+q", "q or ctrl+c", "quit", "Program", "quit"),
)

APP_ACTIONS = frozenset({"quit", "command_palette"})

# while a plot has a cursor these keys move it, (across, down), before they mean anything else
CURSOR_KEYS = {"left": (-1, 0), "right": (1, 0), "up,k": (0, -1), "down,j": (0, 1)}


def target(action: Action) -> str:
    """Return the action with its namespace, as Textual's bindings take it."""
    return f"app.{action.name}" if action.name in APP_ACTIONS else action.name


def ladder(rate: float, rungs: int) -> float:
    """Return the learning rate some rungs up (or down) on the ladder 1, 3, 10, 30 and so on.

    From between two rungs the first step leads to the next rung in that direction.

    >>> ladder(0.01, 1), ladder(0.01, -1), ladder(0.02, 1), ladder(0.02, -1)
    (0.03, 0.003, 0.03, 0.01)
    """
    for _ in range(abs(rungs)):
        rate = _next_rung(rate, up=rungs > 0)
    return rate


def _next_rung(rate: float, *, up: bool) -> float:
    tolerance = 1e-9
    exponent = int(f"{rate:e}".partition("e")[2])
    near = [float(f"{digit}e{e}") for e in range(exponent - 2, exponent + 3) for digit in (1, 3)]
    if up:
        return min(rung for rung in near if rung > rate * (1 + tolerance))
    return max(rung for rung in near if rung < rate * (1 - tolerance))
