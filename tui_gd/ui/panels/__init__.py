"""The panels: what a snapshot looks like, one file for each."""
