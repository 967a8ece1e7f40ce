"""Tells a key that is held from keys pressed singly, by the time between them."""

from collections.abc import Callable

from tui_gd.commands import Command

# keyboards repeat a held key every 20 to 90 ms; nobody presses one again so soon, or hardly
REPEAT_SECONDS = 0.1


class Holding:
    """Lets a step key through, unless it is held and the step before is not on the screen yet.

    The second of two quick presses waits until then; a third one shows that the key is held, and
    then none waits: letting go of the key stops the run.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: Command | None = None
        self._pressed_at = 0.0
        self._quick = 0
        self._waiting: Command | None = None

    def press(self, command: Command, *, pending: bool) -> Command | None:
        """Return what is to be done now; `pending`: a step is slow and not on the screen yet."""
        now = self._clock()
        quick = command == self._last and now - self._pressed_at < REPEAT_SECONDS
        self._quick = self._quick + 1 if quick else 0
        self._last, self._pressed_at = command, now
        waits = pending and self._quick > 0
        if self._quick != 1:
            self._waiting = None
        elif waits:
            self._waiting = command
        return None if waits else command

    def drawn(self) -> Command | None:
        """Return what has waited for a step to be on the screen."""
        command, self._waiting = self._waiting, None
        return command

    def forget(self) -> None:
        """Let nothing wait: another run has begun, or another command has come."""
        self._waiting = None
