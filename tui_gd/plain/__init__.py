"""The interface in plain lines: commands in, a few lines of text out."""
