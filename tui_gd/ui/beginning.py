"""What the interface begins with: a new run, one that was kept, or one from a share line."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_gd.runs.steps import Shared


@dataclass(frozen=True)
class Beginning:
    """With `keep`, runs are kept; `kept` is the id of one to go on with; `shared` is repeated."""

    keep: bool = False
    kept: str | None = None
    shared: "Shared | None" = None
