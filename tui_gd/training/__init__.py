"""tui_gd/training."""
