"""Make curvature_reference.json: eigenvalues of Hessians by torch's double backward.

    python tests/insight/make_curvature_reference.py

Only this script needs torch.
"""

import json
import random
from itertools import pairwise
from pathlib import Path

import torch
from torch.nn import functional

FILE = Path(__file__).with_name("curvature_reference.json")

# classes, loss, hidden layers, activation
CASES = [
    (2, "cross-entropy", [4], "tanh"),
    (2, "sse", [4], "sigmoid"),
    (2, "mse", [8, 4], "tanh"),
    (3, "cross-entropy", [6], "tanh"),
    (3, "sse", [5, 5], "sigmoid"),
]
ROWS = 20


def loss_of(weights, x, y, case):
    """The loss of a network whose layers are [a, 1]·W, its matrices row by row, biases last."""
    classes, name, hidden, activation = case
    outputs = classes if classes > 2 else 1
    a, begin = x, 0
    sizes = [2, *hidden, outputs]
    for layer, (inputs, units) in enumerate(pairwise(sizes)):
        matrix = weights[begin : begin + (inputs + 1) * units].reshape(inputs + 1, units)
        begin += (inputs + 1) * units
        a = torch.cat([a, torch.ones(len(a), 1, dtype=a.dtype)], 1) @ matrix
        if layer < len(hidden):
            a = getattr(torch, activation)(a)
    if classes > 2:
        if name == "cross-entropy":
            return functional.cross_entropy(a, y)
        errors = (torch.softmax(a, 1) - functional.one_hot(y, classes)) ** 2
    else:
        if name == "cross-entropy":
            return functional.binary_cross_entropy_with_logits(a[:, 0], y.double())
        errors = (torch.sigmoid(a[:, 0]) - y) ** 2
    return errors.sum() / (1 if name == "sse" else len(y))


def main():
    draw = random.Random(3)
    rows = [[round(draw.gauss(0, 1), 2) for _ in range(2)] for _ in range(ROWS)]
    x = torch.tensor(rows, dtype=torch.float64)
    results = []
    for case in CASES:
        classes, name, hidden, activation = case
        sizes = [2, *hidden, classes if classes > 2 else 1]
        count = sum((a + 1) * b for a, b in pairwise(sizes))
        weights = [round(draw.gauss(0, 0.8), 3) for _ in range(count)]
        labels = [draw.randrange(classes) for _ in rows]
        w = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
        y = torch.tensor(labels)
        loss = loss_of(w, x, y, case)
        (g,) = torch.autograd.grad(loss, w)
        hessian = torch.autograd.functional.hessian(
            lambda w, y=y, case=case: loss_of(w, x, y, case), w.detach()
        )
        values = torch.linalg.eigvalsh(hessian)
        results.append(
            {
                "classes": classes,
                "loss": name,
                "hidden": hidden,
                "activation": activation,
                "weights": weights,
                "y": labels,
                "value": loss.item(),
                "largest": values[-1].item(),
                "second": values[-2].item(),
                "smallest": values[0].item(),
                "along_gradient": (g @ hessian @ g / (g @ g)).item(),
            }
        )
    reference = {
        "made_by": "tests/learning/make_curvature_reference.py",
        "torch": torch.__version__,
        "x": rows,
        "cases": results,
    }
    text = json.dumps(reference).replace('{"', '\n{"')
    FILE.write_text(text.lstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
