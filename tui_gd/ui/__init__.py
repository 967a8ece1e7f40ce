"""The terminal interface, in Textual."""
