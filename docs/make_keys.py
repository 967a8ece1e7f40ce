"""Write docs/keys.md from the one table of keys, and the keys of the pages over the run.

python docs/make_keys.py           writes it
python docs/make_keys.py --check   status 1 if it is not as it would be written
"""

import sys
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from docs.make_api import write
from tui_gd.ui.keys import ACTIONS, shown_keys
from tui_gd.ui.screens.exports import ExportScreen
from tui_gd.ui.screens.pages import ColumnsScreen
from tui_gd.ui.screens.runs import RunsScreen
from tui_gd.ui.screens.settings_page import SettingsScreen
from tui_gd.ui.screens.table_page import TableScreen

PAGES = (SettingsScreen, TableScreen, ColumnsScreen, RunsScreen, ExportScreen)

FILE = Path(__file__).with_name("keys.md")
HEAD = """\
# Keys

Made by `python docs/make_keys.py` from `tui_gd/ui/keys.py`; `?` shows the same in the program.
Every action has a letter, a digit or a function key, and none needs a sign that German or French
keyboards have behind AltGr. The list of commands, `:`, finds each action by its text.

## Other keys

`config.toml`, in the configuration directory (Linux: `~/.config/gd-tui`; `GD_TUI_CONFIG` names
another), gives keys to actions, by the names in the last column:

```toml
[keys]
"step(1)" = ["n", "right"]   # in place of its own keys
new_start = "ctrl+n"         # its own key now belongs to another action
theme = []                   # no key
```

A key is a character, the name of a key (`space`, `enter`, `escape`, `tab`, `home`, `pageup`, `f5`
…), or `ctrl+` and a letter. An unknown action, or one key for two actions, is refused in one line
with exit status 2. `ctrl+c` always quits.

## Theme, mouse and colours

The same file has:

```toml
[screen]
theme = "light"              # dark, light or auto
mouse = false                # leave it to the terminal, as --no-mouse does

[colours]
palette = "safe"             # right and wrong in blue and orange, without red and green

[colours.dark]               # and [colours.light]
"class 1" = "#ffb86b"        # class 0 to class 9; their regions follow
key = "#ffd866"
```

Roles are `background`, `bar`, `text`, `dim`, `faint`, `frame`, `focus`, `key`, `good`, `warning`,
`error`, `test`, `boundary` and `cursor`. With 256 colours, the nearest one is used; with 16 or
none, these colours have no effect. In `safe`, seen without red or without green cones (Machado
2009), class colours, regions, verdicts and counts of right and wrong are at least 25 apart (CIE76
ΔE) in true colour and in 256.

The theme is that of `--theme`, else of the file, else the one that `t` chose last time, else that
of the terminal's own background, which gd-tui asks for (OSC 11, also through GNU screen). Nothing
waits for the answer. If it has not come when the run is shown, `COLORFGBG` decides: if it ends
with 7 or 9 to 15, as urxvt sets it on a light background, the theme is light, otherwise dark.
Panels, axes, smoothing and a maximised panel are remembered too, in `view.json` in the state
directory (Linux: `~/.local/state/gd-tui`), but not an epoch window, which belongs to its run.
Delete the file to begin anew.
"""


def text() -> str:
    """Return the page."""
    parts = [HEAD]
    for group, actions in groupby(ACTIONS, key=lambda action: action.group):
        parts.append(f"\n## {group}\n\n| keys | does | action |\n| --- | --- | --- |\n")
        for action in actions:
            keys = " ".join(f"`{key}`" for key in shown_keys(action.keys).split())
            parts.append(f"| {keys} | {action.text} | `{action.name}` |\n".replace("||", "\\|\\|"))
    parts.append("\n## On single pages\n\nThese keys cannot be changed.\n")
    for page in PAGES:
        title, keys = page.own_keys
        parts.append(f"\n### {title}\n\n| keys | does |\n| --- | --- |\n")
        parts += [f"| {shown} | {text} |\n" for shown, text in keys]
    return "".join(parts)


if __name__ == "__main__":
    sys.exit(write(FILE, text()))
