"""Live plots as arrays of terminal cells: arrays in, cells out."""
