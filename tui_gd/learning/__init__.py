"""The mathematics of gradient descent, numpy only."""
