"""The schedules against torch (see make_torch_reference.py) and calculations by hand."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from tui_gd.learning.schedules import SCHEDULES, parse_schedule

FILE = Path(__file__).with_name("torch_reference.json")
REFERENCE = json.loads(FILE.read_text("utf-8"))["schedules"]

ALL = [
    "constant",
    "step:30:0.1",
    "step:1:1e-9",
    "exponential:0.5",
    "exponential:3",
    "inverse:0.5",
    "inverse:400",
    "cosine",
    "one-cycle",
    "warmup:5+constant",
    "warmup:1+cosine",
    "warmup:200+one-cycle",
]


@pytest.mark.parametrize("case", REFERENCE, ids=lambda case: f"{case['text']} of {case['epochs']}")
def test_torch_has_the_same_factors(case):
    schedule = parse_schedule(case["text"], case["epochs"])
    ours = [schedule(epoch) for epoch in range(case["epochs"])]
    # torch computes the cosine recursively, so its rounding errors accumulate
    np.testing.assert_allclose(ours, case["factors"], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("text", "epochs", "expected"),
    [
        ("constant", 10, {0: 1, 9: 1, 10**6: 1}),
        ("step:30:0.1", 100, {0: 1, 29: 1, 30: 0.1, 59: 0.1, 60: 0.01, 99: 0.001}),
        ("exponential:0.5", 10, {0: 1, 1: 0.5, 2: 0.25, 10: 1 / 1024}),
        ("exponential:2", 10, {0: 1, 3: 8}),
        ("inverse:0.5", 10, {0: 1, 3: 1 / 2, 8: 1 / 3, 99: 1 / 10}),
        ("inverse:1", 10, {0: 1, 1: 1 / 2, 6: 1 / 7}),
        # cos 60° = ½, cos 90° = 0, cos 120° = −½; constant from the last epoch on
        ("cosine", 6, {0: 1, 2: 3 / 4, 3: 1 / 2, 4: 1 / 4}),
        ("cosine", 3, {0: 1, 1: 3 / 4, 2: 1 / 4, 3: 1 / 4, 1000: 1 / 4}),
        # up until epoch 0.3·10 − 1 = 2, half way (1/25 + 1)/2; down until epoch 9
        ("one-cycle", 10, {0: 1 / 25, 1: 0.52, 2: 1, 9: 4e-6, 500: 4e-6}),
        ("warmup:4+constant", 10, {0: 1 / 4, 1: 1 / 2, 2: 3 / 4, 3: 1, 4: 1}),
        ("warmup:2+step:3:0.1", 10, {0: 1 / 2, 1: 1, 2: 1, 4: 1, 5: 0.1, 8: 0.01}),
        # the cosine has the remaining eight epochs and starts at epoch 2
        ("warmup:2+cosine", 10, {0: 1 / 2, 1: 1, 2: 1, 6: 1 / 2}),
        (" warmup:2 + inverse:1e+0 ", 10, {0: 1 / 2, 1: 1, 2: 1, 3: 1 / 2}),
    ],
)
def test_factors_calculated_by_hand(text, epochs, expected):
    schedule = parse_schedule(text, epochs)
    got = {epoch: schedule(epoch) for epoch in expected}
    assert got == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("epochs", [0, 1, 2, 3, 4, 100, 10**9])
@pytest.mark.parametrize("text", ALL)
def test_every_factor_is_above_zero_finite_and_repeatable(text, epochs):
    schedule, again = parse_schedule(text, epochs), parse_schedule(text, epochs)
    for epoch in (0, 1, 2, 3, 5, 99, 100, 1000, epochs - 1, epochs, epochs + 1, 10**12):
        if epoch >= 0:
            factor = schedule(epoch)
            assert type(factor) is float
            assert 0.0 < factor < math.inf
            assert factor == again(epoch)


def test_a_cosine_over_a_billion_epochs_ends_above_zero():
    # (π / 2e9)², although 1 + cos(…) is 0 in double precision
    last = parse_schedule("cosine", 10**9)(10**9 - 1)
    assert last == pytest.approx((math.pi / 2e9) ** 2, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "linear",
        "Cosine",
        "constant:1",
        "step",
        "step:30",
        "step:30:0.1:2",
        "cosine:3",
        "warmup",
        "warmup:5",
        "warmup:5+",
        "warmup:5:6+cosine",
        "warmup:5+warmup:5+cosine",
        "warmup:5+ warmup:5+cosine",
        "cosine+constant",
        "two\nlines\x1b[31m",
    ],
)
def test_other_text_is_a_one_line_error_that_lists_the_schedules(text):
    with pytest.raises(ValueError, match=r"^schedule '.*' is none of: ") as error:
        parse_schedule(text, 100)
    message = str(error.value)
    assert message.isprintable()
    assert all(syntax in message for syntax in SCHEDULES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("step:0:0.1", "schedule 'step:0:0.1': EVERY is a whole number from 1, not '0'"),
        ("step:2.5:0.1", "schedule 'step:2.5:0.1': EVERY is a whole number from 1, not '2.5'"),
        ("step:3:x", "schedule 'step:3:x': FACTOR is a number above 0, not 'x'"),
        ("exponential:0", "schedule 'exponential:0': FACTOR is a number above 0, not '0'"),
        ("exponential:-1", "schedule 'exponential:-1': FACTOR is a number above 0, not '-1'"),
        ("exponential:inf", "schedule 'exponential:inf': FACTOR is a number above 0, not 'inf'"),
        ("inverse:nan", "schedule 'inverse:nan': POWER is a number above 0, not 'nan'"),
        ("inverse:", "schedule 'inverse:': POWER is a number above 0, not ''"),
        (
            "warmup:0+cosine",
            "schedule 'warmup:0+cosine': N is a whole number from 1, not '0'",
        ),
    ],
)
def test_a_wrong_number_is_a_one_line_error(text, message):
    with pytest.raises(ValueError, match=r"^schedule ") as error:
        parse_schedule(text, 100)
    assert str(error.value) == message
