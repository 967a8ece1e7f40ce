"""Which part of each plane is shown: what covers the paths, or what was zoomed to."""

from collections.abc import Sequence

import numpy as np

from tui_gd.learning.landscape import Limits, covering, zoomed
from tui_gd.ui.panels.landscape_study import near_paths
from tui_gd.ui.panels.panel import View
from tui_gd.ui.panels.planes import Choice


class Windows:
    """The limits of every plane that has been shown; they move as rarely as may be."""

    def __init__(self) -> None:
        self._covering: dict[Choice, Limits] = {}
        self._zoomed: dict[Choice, Limits] = {}

    def along(self, choice: Choice, view: View) -> Limits:
        """Return the limits of a plane along weights: zoomed to, or such that cover the paths.

        Those of a surface are never narrower than its own.
        """
        if choice in self._zoomed:
            return self._zoomed[choice]
        points = [near_paths(view)[:, list(choice)]]
        before = self._covering.get(choice)
        if view.problem.surface is not None:
            corners = np.array([view.problem.surface.limits[index] for index in choice])
            points.append(corners.T)
            before = before or tuple(map(float, corners.ravel()))
        self._covering[choice] = covering(np.concatenate(points), before)
        return self._covering[choice]

    def keep(self, choice: Choice, limits: Limits) -> None:
        """Keep the limits that were found for a plane."""
        self._covering[choice] = limits

    def covering(self, choice: Choice) -> Limits | None:
        """Return the last limits that covered the paths."""
        return self._covering.get(choice)

    def zoomed(self, choice: Choice) -> Limits | None:
        """Return the limits that were zoomed to, if any."""
        return self._zoomed.get(choice)

    def zoom(self, choice: Choice, factor: float, about: Sequence[float]) -> bool:
        """Zoom around a place that stays where it is; 0 is back to what covers the paths."""
        if factor <= 0:
            self._zoomed.pop(choice, None)
            return True
        limits = self._zoomed.get(choice) or self._covering.get(choice)
        if limits is None:
            return False
        self._zoomed[choice] = zoomed(limits, factor, about)
        return True

    def pan(self, choice: Choice, share: float) -> bool:
        """Show what lies beside, by a share of the width."""
        limits = self._zoomed.get(choice) or self._covering.get(choice)
        if limits is None:
            return False
        by = share * (limits[1] - limits[0])
        self._zoomed[choice] = (limits[0] + by, limits[1] + by, *limits[2:])
        return True
