"""What can be named on the command line, without importing what it names (numpy: 0.1 s).

A test holds these tables against the ones they are taken from.
"""

LOSSES = ("sse", "mse", "cross-entropy", "hinge", "mae", "huber", "value")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
ACTIVATIONS = ("sigmoid", "tanh", "relu", "linear")
STARTS = ("normal", "glorot", "he", "zeros")
