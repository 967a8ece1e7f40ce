"""Fills in the address of the repository in the metadata of a release.

`GD_TUI_HOME=https://… GD_TUI_MAIL=… python -m build` adds the project's links and makes the links
of the README absolute, so that a package index shows its pictures. Without them nothing is added.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

RELATIVE = re.compile(r"(!?)\[([^]]*)\]\((?!https?:|#)([^)]+)\)")


class Metadata(MetadataHookInterface):
    """Fills in authors, links and the README."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in the fields that pyproject.toml calls dynamic."""
        home = os.environ.get("GD_TUI_HOME", "").rstrip("/")
        mail = os.environ.get("GD_TUI_MAIL")
        author = {"name": "gd-tui contributors"}
        metadata["authors"] = [author | ({"email": mail} if mail else {})]
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        if home:
            metadata["urls"] = {
                "Homepage": home,
                "Documentation": f"{home}/tree/HEAD/docs",
                "Issues": f"{home}/issues",
                "Changelog": f"{home}/blob/HEAD/CHANGELOG.md",
            }
            text = absolute(text, home)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def absolute(text: str, home: str) -> str:
    """Return Markdown whose links to files of the repository begin with its address."""

    def link(found: re.Match[str]) -> str:
        sign, words, path = found.groups()
        return f"{sign}[{words}]({home}/{'raw' if sign else 'blob'}/HEAD/{path})"

    return RELATIVE.sub(link, text)
