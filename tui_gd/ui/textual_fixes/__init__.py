"""tui_gd/ui/textual_fixes."""
