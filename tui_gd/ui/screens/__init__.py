"""Screens: the run, the help, and the questions asked over them."""
