"""What keys and mouse do to the view: panels, their cursors, zoom and studies."""

from textual import work

from tui_gd.errors import OutputError
from tui_gd.ui.copying import panel_text, write_panel
from tui_gd.ui.panels.board import Board
from tui_gd.ui.panels.panel import Panel, View
from tui_gd.ui.panels.race import Mode
from tui_gd.ui.screens.help import HelpScreen
from tui_gd.ui.screens.questions import Prompt
from tui_gd.ui.screens.restarting import RestartingActions

_WHEEL = 1.25


class ViewingActions(RestartingActions):
    """A screen whose keys choose what is seen of a run."""

    board: Board

    @property
    def view(self) -> View:
        """The run as it is to be drawn now."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw again although the run is where it was."""
        raise NotImplementedError

    def lay_out(self) -> None:
        """Choose the layout for the size, and draw."""
        raise NotImplementedError

    # Panels

    def show_panel(self, name: str) -> None:
        """Show a panel and put the focus on it."""
        self.board.choose(name)
        self.lay_out()
        self.board.panel.focus()

    def action_panel(self, name: str) -> None:
        """Show a panel and put the focus on it."""
        self.show_panel(name)

    def action_focus_panel(self, by: int) -> None:
        """Put the focus on another panel."""
        self.board.choose_next(by)
        self.show_panel(self.board.panel.NAME)

    def action_maximise(self) -> None:
        """Show the focused panel alone."""
        self.board.maximised = not self.board.maximised
        self.lay_out()

    def action_restore(self) -> None:
        """Leave the cursor, else show the whole plot, else show all panels again."""
        if self.board.panel.cursor_on:
            self.board.panel.end_cursor()
            self.redraw()
        elif self.board.panel.restore():
            self.redraw()
        else:
            self.board.maximised = False
            self.lay_out()

    def action_move(self, by: int) -> None:
        """Move the selection in the focused panel."""
        self.board.panel.move(by)

    def on_panel_moved(self, event: Panel.Moved) -> None:
        """Move the selection in a panel: a sample, a row, or the current lane."""
        if self.steering.runner:
            self.steering.choose_lane(event.panel.moved(event.by, self.view))
            self.redraw()

    def action_scroll(self, pages: int) -> None:
        """Scroll the focused panel."""
        self.board.panel.scroll_by(pages)
        self.redraw()

    def action_train_points(self) -> None:
        """Switch between test and train points."""
        panel = self.board.points
        panel.train = not panel.train
        self.redraw()

    def action_theme(self) -> None:
        """Switch between dark and light."""
        self.app.switch_theme()
        self.redraw()

    def action_help(self) -> None:
        """Show the help."""
        symbols = self.app.terminal.symbols
        self.app.push_screen(HelpScreen(self.app.palette, symbols, self.app.actions))

    # Curves

    def action_log_axis(self) -> None:
        """Switch the loss axis between linear and logarithmic."""
        self.board.loss.log_axis = not self.board.loss.log_axis
        self.redraw()

    def action_log_epochs(self) -> None:
        """Switch the epoch axis between linear and logarithmic."""
        self.board.loss.log_epochs = not self.board.loss.log_epochs
        self.redraw()

    def action_measure(self) -> None:
        """Draw the loss, the gradient norm or the learning rate."""
        self.board.loss.next_measure()
        self.redraw()

    def action_smooth(self) -> None:
        """Smooth the curves more, or no longer."""
        self.board.loss.smooth()
        self.redraw()

    def action_zoom(self, factor: float) -> None:
        """Zoom in the focused panel, or else in the loss."""
        if self.steering.runner:
            if not self.board.panel.zoom(factor, self.view):
                self.board.loss.zoom(factor, self.view)
            self.redraw()

    def action_pan(self, share: float) -> None:
        """Move the window of the focused panel, or else of the loss."""
        if self.steering.runner:
            if not self.board.panel.pan(share, self.view):
                self.board.loss.pan(share, self.view)
            self.redraw()

    def on_panel_wheeled(self, event: Panel.Wheeled) -> None:
        """Zoom at the pointer; where nothing can be zoomed, move the selection."""
        if self.steering.runner:
            factor = _WHEEL**event.up
            if not event.panel.zoom_at(event.x, event.y, factor, self.view):
                self.steering.choose_lane(event.panel.moved(-event.up, self.view))
            self.redraw()

    def on_panel_dragged(self, event: Panel.Dragged) -> None:
        """Move the window with the pointer."""
        if self.steering.runner and event.panel.pan(event.share, self.view):
            self.redraw()

    def on_panel_clicked(self, event: Panel.Clicked) -> None:
        """Let a panel take a click; what it leads to is done."""
        if self.steering.runner:
            command = event.panel.click_at(event.x, event.y, self.view)
            if command is not None:
                self.carry_out(command)
            self.redraw()

    # The cursor of the focused plot

    def action_cursor(self) -> None:
        """Put a cursor into the focused plot; when there is one, take what it is at."""
        if self.steering.runner is None:
            return
        panel = self.board.panel
        if panel.cursor_on:
            command = panel.confirm(self.view)
            panel.end_cursor()
            if command is not None:
                self.carry_out(command)
        elif not panel.begin_cursor(self.view):
            self.say("no cursor here: loss, data, landscape, network, race, starts have one")
        self.redraw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let arrows move the cursor only while there is one."""
        del parameters
        return action != "move_cursor" or self.board.panel.cursor_on

    def action_move_cursor(self, across: int, down: int) -> None:
        """Move the cursor; the chosen train sample is the one of the step panel too."""
        if self.steering.runner:
            self.board.panel.move_cursor(across, down, self.view)
            self.board.step.sample = self.board.points.sample
            self.redraw()

    # Studies

    def action_race(self, mode: Mode) -> None:
        """Race learning rates or optimizers from the viewed weights."""
        if self.steering.runner:
            view = self.view
            epoch = self.board.race.start(mode, view)
            self.show_panel("race")
            if epoch != view.snapshot.epoch:
                reset = view.keys.of("reset")
                self.say(f"diverged: racing from epoch {epoch}; {reset} goes back there")

    def action_starts(self) -> None:
        """Show where hundreds of random starts end."""
        self.show_panel("starts")

    @work
    async def action_choose_plane(self) -> None:
        """Ask for the weights of the landscape."""
        if self.steering.runner is None:
            return

        def parse(text: str) -> str:
            if fault := self.board.landscape.choose_plane(text, self.view):
                raise ValueError(fault)
            return text

        question = "Landscape over two weights (x1, bias or 1, 3), or principal"
        if await self.app.push_screen_wait(Prompt(question, "", parse)) is not None:
            self.show_panel("landscape")

    # Numbers

    def _numbers(self) -> str:
        panel = self.board.panel
        return panel_text(self.view, panel.NAME, panel.numbers(self.view))

    def action_copy(self) -> None:
        """Copy the focused panel's numbers to the clipboard of the terminal."""
        if self.steering.runner:
            text = self._numbers()
            self.app.copy_to_clipboard(text)
            self.say(f"copied {len(text.splitlines())} lines of {self.board.panel.NAME}")

    def action_write(self) -> None:
        """Write the focused panel's numbers to a file."""
        if self.steering.runner is None:
            return
        try:
            path = write_panel(self.view, self.board.panel.NAME, self._numbers())
        except OutputError as error:
            self.say(f"cannot write {error}", warning=True)
        else:
            self.say(f"wrote {path}")
