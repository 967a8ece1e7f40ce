"""tui_gd/cli."""
