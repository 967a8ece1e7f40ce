"""tui_gd/insight."""
