"""Textual's app, drivers and frames, with their faults worked around."""
