"""The mathematics of gradient descent, numpy only.

The names below are for the command line, which lists them without importing numpy (0.1 s). A test
compares them with the tables of the modules.
"""

LOSSES = ("sse", "mse", "cross-entropy", "hinge", "mae", "huber", "value")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
ACTIVATIONS = ("sigmoid", "tanh", "relu", "linear")
STARTS = ("normal", "glorot", "he", "zeros", "mean")
