"""A real terminal for tests: a pseudo-terminal, an emulator, an sshd, a picture of the screen.

`session.Terminal` runs a program as a terminal window would, `sshd.Server` puts a real ssh line
between the two, `picture.write_png` shows what a person would have seen.
"""
