"""Make gradient_reference.json: losses and gradients by torch's autograd, for the tests here.

    python tests/learning/make_gradient_reference.py

Only this script needs torch. The tests also call `inputs`, which makes rows and weights, so the
file has only torch's results. All inputs are multiples of 1/1024: exact, and the same on any
machine. `digest` detects a change of numpy's generator.
"""

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

FILE = Path(__file__).with_name("gradient_reference.json")

ROWS, FEATURES, LANES = 40, 3, 2
OUTPUTS = {"binary": 1, "multiclass": 3, "regression": 1}
LOSSES = {
    "binary": ("sse", "mse", "cross-entropy", "hinge"),
    "multiclass": ("sse", "mse", "cross-entropy", "hinge"),
    "regression": ("sse", "mse", "mae", "huber"),
}
HIDDEN = ((), (5,), (4, 3))
ACTIVATIONS = ("sigmoid", "tanh", "relu", "linear")


class Case(NamedTuple):
    task: str
    loss: str
    hidden: tuple[int, ...]
    activation: str

    def __str__(self):
        return f"{self.task} {self.loss} {self.hidden} {self.activation}"

    @property
    def shapes(self):
        """The shape of every layer, (inputs + 1, outputs), bias row last."""
        sizes = (FEATURES, *self.hidden, OUTPUTS[self.task])
        return [(inputs + 1, outputs) for inputs, outputs in pairwise(sizes)]


CASES = [
    Case(task, loss, hidden, activation)
    for task, losses in LOSSES.items()
    for loss in losses
    for hidden in HIDDEN
    for activation in (ACTIVATIONS if hidden else ("linear",))
]


def inputs(case):
    """Return X (rows, features + 1), ones last, y (rows,) and weights (lanes, parameters)."""

    def draw(seed, *shape):
        return np.random.default_rng(seed).integers(-2048, 2049, shape) / 1024

    number = list(OUTPUTS).index(case.task)
    x = np.ones((ROWS, FEATURES + 1))
    x[:, :-1] = draw([1, number], ROWS, FEATURES)
    if case.task == "regression":
        y = draw([2, number], ROWS)
    else:
        classes = max(2, OUTPUTS[case.task])
        y = np.random.default_rng([2, number]).integers(0, classes, ROWS).astype(np.int8)
    parameters = sum(rows * columns for rows, columns in case.shapes)
    return x, y, draw([3, number, *case.hidden], LANES, parameters)


def digest():
    """Return a hash of all inputs."""
    found = hashlib.sha256()
    for case in CASES:
        for array in inputs(case):
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def by_torch(case):
    """Return the loss of every lane and its gradient as one row."""
    import torch
    from torch.nn import functional

    apply = {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "linear": lambda values: values,
    }[case.activation]
    x, y, weights = inputs(case)
    features = torch.from_numpy(x[:, :-1].copy())
    target = torch.from_numpy(y.astype(np.float64 if OUTPUTS[case.task] == 1 else np.int64))
    losses, gradients = [], []
    for lane in weights:
        row = torch.tensor(lane, requires_grad=True)
        values, start = features, 0
        for number, (rows, columns) in enumerate(case.shapes):
            matrix = row[start : start + rows * columns].reshape(rows, columns)
            start += rows * columns
            values = values @ matrix[:-1] + matrix[-1]
            if number < len(case.hidden):
                values = apply(values)
        if OUTPUTS[case.task] == 1:
            values = values[:, 0]
        loss = torch_loss(functional, torch, case, values, target)
        loss.backward()
        losses.append(loss.item())
        gradients.append(row.grad.tolist())
    return losses, gradients


def torch_loss(functional, torch, case, scores, y):
    """Return torch's loss, where it has one, of the output of torch's layers."""
    match case.task, case.loss:
        case "binary", "sse" | "mse":
            mean = functional.mse_loss(torch.sigmoid(scores), y)
        case "multiclass", "sse" | "mse":
            p, onehot = torch.softmax(scores, dim=1), functional.one_hot(y, OUTPUTS["multiclass"])
            mean = ((p - onehot) ** 2).sum(dim=1).mean()
        case "regression", "sse" | "mse":
            mean = functional.mse_loss(scores, y)
        case "binary", "cross-entropy":
            mean = functional.binary_cross_entropy_with_logits(scores, y)
        case "multiclass", "cross-entropy":
            mean = functional.cross_entropy(scores, y)
        case "binary", "hinge":
            mean = torch.clamp(1 - (2 * y - 1) * scores, min=0).mean()
        case "multiclass", "hinge":
            # torch divides by the number of classes
            mean = functional.multi_margin_loss(scores, y) * OUTPUTS["multiclass"]
        case "regression", "mae":
            mean = functional.l1_loss(scores, y)
        case "regression", "huber":
            mean = functional.huber_loss(scores, y)
    return mean * ROWS if case.loss == "sse" else mean


def main():
    import torch

    results = {}
    for case in CASES:
        losses, gradients = by_torch(case)
        results[str(case)] = {"loss": losses, "gradient": gradients}
    reference = {
        "made_by": "tests/learning/make_gradient_reference.py",
        "torch": torch.__version__,
        "digest": digest(),
        "cases": results,
    }
    # one case per line, for readable differences
    text = json.dumps(reference).replace('}, "', '},\n"').replace('{"binary', '{\n"binary')
    FILE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
