"""The scikit-learn face: gradient descent as a classifier and as a regressor.

The mathematics is that of `tui_gd.learning`, with one lane. Here stand the customs of scikit-learn
alone: parameters, labels, weights of rows, when to stop, and what is called how afterwards.
"""

from tui_gd.estimators.base import with_weights
from tui_gd.estimators.classifier import GradientDescentClassifier
from tui_gd.estimators.regressor import GradientDescentRegressor

__all__ = ["GradientDescentClassifier", "GradientDescentRegressor", "with_weights"]
