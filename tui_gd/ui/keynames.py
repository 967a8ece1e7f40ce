"""What a person is told to press: the key that an action is bound to, whatever that is."""

from collections.abc import Iterator, Mapping, Sequence

from tui_gd.ui.keyfile import shown_keys
from tui_gd.ui.keys import ACTIONS, Action

# the actions by which what a verdict advises is done
_DOINGS = {
    "run": "run_or_pause",
    "step": "step(1)",
    "back": "step_back(10)",
    "rescue": "rescue",
    "reset": "reset",
    "new_start": "new_start",
    "raise": "learning_rate(1)",
    "lower": "learning_rate(-1)",
    "type_rate": "type_learning_rate",
    "choose_loss": "choose_loss",
    "choose_optimizer": "choose_optimizer",
    "go_to": "go_to",
}


class KeyNames:
    """The keys of actions, as people are told of them."""

    def __init__(self, actions: Sequence[Action] = ACTIONS) -> None:
        self._actions = {action.name: action for action in actions}
        self._names: dict[str, str] = {}

    def of(self, name: str) -> str:
        """Return the first key of an action; of one that has none, how the palette is asked."""
        if name not in self._names:
            self._names[name] = self._first(name) or self._by_name(name)
        return self._names[name]

    @property
    def moving(self) -> str:
        """The keys that move within a panel, as `↑ ↓`."""
        return f"{self.of('move(-1)')} {self.of('move(1)')}"

    def press(self, advice: str) -> str:
        """Return what a verdict advises as what is to be pressed, nothing for nothing."""
        return f"press {advice.format_map(_Doings(self))}" if advice else ""

    def _first(self, name: str) -> str:
        return shown_keys(self._actions[name].keys.partition(",")[0])

    def _by_name(self, name: str) -> str:
        palette = self._first("command_palette")
        return f'{palette} "{self._actions[name].text}"'.lstrip()


class _Doings(Mapping[str, str]):
    """From what a verdict advises to the keys for it."""

    def __init__(self, names: KeyNames) -> None:
        self._names = names

    def __getitem__(self, doing: str) -> str:
        return self._names.of(_DOINGS[doing])

    def __iter__(self) -> Iterator[str]:
        return iter(_DOINGS)

    def __len__(self) -> int:
        return len(_DOINGS)
