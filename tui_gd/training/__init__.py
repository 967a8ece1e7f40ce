"""A run through time: the trainer with its engines, history, keyframes and curves."""
