"""Lessons: predict, then step. A file of steps that ask, and a run that answers."""
