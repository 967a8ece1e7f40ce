"""Textual's themes in the palette's colours, for what Textual draws itself. Imports no numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.theme import Theme

if TYPE_CHECKING:
    from tui_gd.plots.palette import Palette
    from tui_gd.plots.symbols import Depth

_FEW_SURFACE = {True: "#000000", False: "#ffffff"}


def theme_name(*, dark: bool) -> str:
    """Return what Textual knows the theme by."""
    return "gd-dark" if dark else "gd-light"


def theme(palette: Palette, *, dark: bool) -> Theme:
    """Return Textual's theme with the palette's colours, for what Textual draws itself."""
    from tui_gd.plots.palette import rgb

    ground = (18, 18, 18) if dark else (228, 228, 228)
    ink = (228, 228, 228) if dark else (18, 18, 18)

    def colour(value: int, default: tuple[int, int, int]) -> str:
        return "#{:02x}{:02x}{:02x}".format(*rgb(value, default))

    few = palette.depth in {"16", "mono"}
    return Theme(
        name=theme_name(dark=dark),
        dark=dark,
        primary=colour(palette.focus, ink),
        accent=colour(palette.focus, ink),
        warning=colour(palette.warning, ink),
        error=colour(palette.error, ink),
        success=colour(palette.good, ink),
        foreground=colour(palette.text, ink),
        background=colour(palette.background, ground),
        surface=_FEW_SURFACE[dark] if few else "#262626" if dark else "#d0d0d0",
        panel="#303030" if dark else "#c6c6c6",
        variables=_of_few_colours(palette.depth, dark=dark) if few else {},
    )


def _of_few_colours(depth: Depth, *, dark: bool) -> dict[str, str]:
    """Return what Textual would mix: of 16 colours it would be a grey, or not to be seen."""
    chosen = _FEW_SURFACE[not dark]
    if depth == "16":
        chosen = "#0000ee" if dark else "#00ffff"
    ink = _FEW_SURFACE[dark if depth == "mono" else not dark]
    return {
        "block-cursor-blurred-background": chosen,
        "block-cursor-blurred-foreground": ink,
        "input-selection-background": chosen,
        "input-selection-foreground": ink,
        "scrollbar": chosen,
        "text-disabled": "#7f7f7f",
    }
