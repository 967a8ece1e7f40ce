"""Make torch_reference.json: results of torch.optim and its schedulers, for the tests here.

    python tests/learning/make_torch_reference.py

Only this script needs torch. Torch's defaults are not passed, so that the tests compare them too.
Every lane is a parameter group with its own learning rate.
"""

import json
import random
import warnings
from pathlib import Path

import torch
from torch.optim import lr_scheduler

FILE = Path(__file__).with_name("torch_reference.json")

UPDATES = 200
KEPT_AFTER = [1, 2, 3, 10, 50, 200]
# How many updates of RMSprop with its own gradients are compared. Near a minimum, its averages
# shrink until its steps are too long, and torch diverges from itself if one bit of the start
# changes: on the problems below by 1e-13 (relative) after 100 updates, 1e-8 after 150, 1 after 200;
# with other rates by 1e-11 after 75. All other rules stay within 1e-12 over all updates.
RMSPROP_UPDATES = 50
RATES = [0.001, 0.01, 0.1, 0.5]
# the last two: gradients as small as the optimizers' ε, and mostly zero
SCALES = [1.0, 20.0, 0.01, 1e-8, 3.0]

# name, momentum or None, torch's class, the options that select the rule, its state by slot
RULES = [
    ("sgd", None, torch.optim.SGD, {}, []),
    ("momentum", None, torch.optim.SGD, {"momentum": 0.9}, ["momentum_buffer"]),
    ("momentum", 0.5, torch.optim.SGD, {"momentum": 0.5}, ["momentum_buffer"]),
    ("nesterov", None, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}, ["momentum_buffer"]),
    ("nesterov", 0.99, torch.optim.SGD, {"momentum": 0.99, "nesterov": True}, ["momentum_buffer"]),
    ("adagrad", None, torch.optim.Adagrad, {}, ["sum"]),
    ("rmsprop", None, torch.optim.RMSprop, {}, ["square_avg"]),
    ("adam", None, torch.optim.Adam, {}, ["exp_avg", "exp_avg_sq"]),
    ("adamw", None, torch.optim.AdamW, {}, ["exp_avg", "exp_avg_sq"]),
]

# eight inseparable samples of two features and a one
X = [
    [0.5, 1.25, 1],
    [-1.5, 0.75, 1],
    [2.0, -0.25, 1],
    [-0.75, -1.0, 1],
    [1.0, 2.5, 1],
    [0.25, -1.75, 1],
    [-2.25, 0.5, 1],
    [1.75, 0.25, 1],
]
Y = [1, 0, 1, 0, 0, 1, 0, 1]
# ½ wᵀAw − bᵀw with A positive definite, eigenvalues from 0.3 to 10
A = [[10.0, 0.5, 0.25], [0.5, 2.0, -0.5], [0.25, -0.5, 0.5]]
B = [1.0, -2.0, 0.5]


def given_gradients():
    """Return shrinking gradients (updates, lanes, parameters) with six digits."""
    draw = random.Random(1)

    def gradient(update):
        size = 10.0 / (10 + update)
        row = [float(f"{scale * size * draw.gauss(0, 1):.6g}") for scale in SCALES]
        if draw.random() < 0.8:
            row[-1] = 0.0
        return row

    return [[gradient(k) for _ in RATES] for k in range(UPDATES)]


def make(kind, options, start, rates):
    lanes = [torch.tensor(row, dtype=torch.float64, requires_grad=True) for row in start]
    groups = [{"params": [lane], "lr": rate} for lane, rate in zip(lanes, rates, strict=True)]
    return lanes, kind(groups, **options)


def with_given(gradients, start):
    results = []
    for name, momentum, kind, options, slots in RULES:
        lanes, optimizer = make(kind, options, start, RATES)
        weights = []
        for update, gradient in enumerate(gradients, 1):
            for lane, row in zip(lanes, gradient, strict=True):
                lane.grad = torch.tensor(row, dtype=torch.float64)
            optimizer.step()
            if update in KEPT_AFTER:
                weights.append([lane.tolist() for lane in lanes])
        kept = [[optimizer.state[lane][slot].tolist() for lane in lanes] for slot in slots]
        results.append(
            {
                "name": name,
                "momentum": momentum,
                "after": KEPT_AFTER,
                "weights": weights,
                "kept": kept,
            }
        )
    return results


def logistic(w):
    x = torch.tensor(X, dtype=torch.float64)
    y = torch.tensor(Y, dtype=torch.float64)
    return torch.nn.functional.binary_cross_entropy_with_logits(x @ w, y)


def quadratic(w):
    a = torch.tensor(A, dtype=torch.float64)
    return 0.5 * w @ a @ w - torch.tensor(B, dtype=torch.float64) @ w


def with_own(loss, start, rates):
    results = []
    for name, momentum, kind, options, _ in RULES:
        lanes, optimizer = make(kind, options, start, rates)
        last = RMSPROP_UPDATES if name == "rmsprop" else UPDATES
        after = [update for update in KEPT_AFTER if update <= last]
        weights = []
        for update in range(1, last + 1):
            optimizer.zero_grad()
            sum(loss(lane) for lane in lanes).backward()
            optimizer.step()
            if update in after:
                weights.append([lane.tolist() for lane in lanes])
        results.append({"name": name, "momentum": momentum, "after": after, "weights": weights})
    return results


def factors(make_schedule, epochs):
    """Return the learning rate of each epoch, for an optimizer with rate 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = make_schedule(optimizer)
    rates = []
    for epoch in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if epoch + 1 < epochs:
            schedule.step()
    return [float(rate) for rate in rates]


def one_cycle(epochs):
    return lambda o: lr_scheduler.OneCycleLR(o, 1.0, total_steps=epochs, cycle_momentum=False)


def warm(length, then):
    def schedule(optimizer):
        up = lr_scheduler.LinearLR(
            optimizer, start_factor=1 / length, end_factor=1.0, total_iters=length - 1
        )
        return lr_scheduler.SequentialLR(optimizer, [up, then(optimizer)], milestones=[length])

    return schedule


def schedules():
    wanted = [
        ("step:30:0.1", 100, lambda o: lr_scheduler.StepLR(o, 30, 0.1)),
        ("step:7:0.5", 40, lambda o: lr_scheduler.StepLR(o, 7, 0.5)),
        ("exponential:0.95", 100, lambda o: lr_scheduler.ExponentialLR(o, 0.95)),
        ("cosine", 50, lambda o: lr_scheduler.CosineAnnealingLR(o, 50)),
        ("cosine", 1, lambda o: lr_scheduler.CosineAnnealingLR(o, 1)),
        *[("one-cycle", n, one_cycle(n)) for n in (1, 2, 3, 4, 10, 37, 100)],
        ("warmup:5+cosine", 45, warm(5, lambda o: lr_scheduler.CosineAnnealingLR(o, 40))),
        ("warmup:4+step:3:0.5", 20, warm(4, lambda o: lr_scheduler.StepLR(o, 3, 0.5))),
    ]
    return [
        {"text": text, "epochs": epochs, "factors": factors(schedule, epochs)}
        for text, epochs, schedule in wanted
    ]


def main():
    warnings.simplefilter("ignore")  # SequentialLR calls its parts in a way that torch deprecates
    gradients = given_gradients()
    # no start is a multiple of α or of 10·α, RMSprop's first step: the difference would be rounding
    start = [[1.13, -2.07, 0.53, 0.17, 3.01], [0.27, 1.59, -1.03, 0.23, -0.57]] * 2
    own_start = [[0.53, -1.07, 0.21], [2.09, 1.13, -0.57], [-1.61, 0.59, 1.03]]
    own_rates = [0.003, 0.03, 0.1]
    reference = {
        "made_by": "tests/learning/make_torch_reference.py",
        "torch": torch.__version__,
        "given": {
            "rates": RATES,
            "start": start,
            "gradients": gradients,
            "rules": with_given(gradients, start),
        },
        "own": {
            "rates": own_rates,
            "start": own_start,
            "logistic": {"x": X, "y": Y, "rules": with_own(logistic, own_start, own_rates)},
            "quadratic": {"a": A, "b": B, "rules": with_own(quadratic, own_start, own_rates)},
        },
        "schedules": schedules(),
    }
    # few lines, but readable differences
    text = (
        json.dumps(reference, ensure_ascii=False).replace('{"', '\n{"').replace("]], [[", "]],\n[[")
    )
    FILE.write_text(text.lstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
