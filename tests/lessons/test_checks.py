"""Conditions of lessons: what they mean, and what is refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_gd.errors import ProblemError
from tui_gd.lessons.checks import actions_in, fill, read_check


class Numbers:
    """Facts that a test makes up."""

    def __init__(self, verdict: str = "", **numbers: float) -> None:
        self.numbers, self.kind = numbers, verdict

    def number(self, name: str, epoch: int | None = None) -> float:
        return self.numbers.get(name if epoch is None else f"{name}_at_{epoch}", math.nan)

    def verdict(self) -> str:
        return self.kind


FACTS = Numbers("plateau", loss=2.0, epoch=3.0, alpha=0.1, loss_at_20=5.0, **{"lambda": 20.0})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("loss < 3", True),
        ("loss < 1e-3 and epoch <= 40", False),
        ("not loss > 5", True),
        ("loss@20 > 2*loss", True),
        ("1 < loss and loss < 3", True),
        ("2*epoch^2 == 18", True),
        ("2/lambda == alpha", True),
        ("-loss^2 == -4", True),
        ("verdict == plateau", True),
        ("verdict != plateau or epoch == 3", True),
        ("verdict == zig_zagging", False),
        ("test > 1", False),
        ("test != 1", False),
        ("not test > 1", True),
        ("test < 1 or test >= 1", False),
    ],
)
def test_conditions_mean_what_they_say(text: str, value: bool) -> None:
    assert read_check(text).holds(FACTS) is value


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("loss < nonsense", 8),
        ("epoch and __import__(1)", 11),
        ("loss.real < 1", 5),
        ("loss@x < 1", 5),
        ("epoch@3 < 1", 1),
        ("[loss]", 1),
        ("loss if epoch", 6),
        ("1 < loss < 3", 3),
        ("loss <", 7),
    ],
)
def test_anything_else_is_refused_with_its_column(text: str, column: int) -> None:
    with pytest.raises(ProblemError, match=f"column {column}:") as refused:
        read_check(text)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=80))
def test_any_other_text_is_refused(text: str) -> None:
    try:
        check = read_check(text)
    except ProblemError:
        return
    assert isinstance(check.holds(FACTS), bool)


def test_a_power_that_no_machine_can_compute_is_unknown() -> None:
    assert math.isnan(read_check("9^9^9^9").value(FACTS))
    assert math.isnan(read_check("(-1)^0.5").value(FACTS))
    assert math.isnan(read_check("1/(epoch-3)").value(FACTS))


def test_texts_are_filled_with_numbers_and_keys() -> None:
    text = "The loss is {loss}, 2/λ is {2/lambda:2}; {-loss} and {1/epoch}. Press <reset>."
    filled = fill(text, FACTS, {"reset": "r"}.__getitem__)
    assert filled == "The loss is 2, 2/λ is 0.1; −2 and 0.3333. Press r."
    assert actions_in("<panel('why')> and <step(1)>, a < b") == ["panel('why')", "step(1)"]
    with pytest.raises(ProblemError):
        fill("{loss:99}", FACTS)
