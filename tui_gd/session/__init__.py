"""tui_gd/session."""
