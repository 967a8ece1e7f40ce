"""The panels: how a snapshot looks, one file for each panel."""
