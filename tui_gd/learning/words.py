"""Numbers as a verdict on a run writes them."""

import math


def epochs(count: int) -> str:
    """Return `1 epoch`, `2 epochs`."""
    return f"{count} epoch" if count == 1 else f"{count} epochs"


def signed(value: float) -> str:
    """Return a number to two digits with a true minus.

    >>> signed(-0.5), signed(12345.0)
    ('−0.5', '1.2e+04')
    """
    return f"{value:.2g}".replace("-", "−", 1) if value < 0 else f"{value:.2g}"


def percent(change: float) -> str:
    """Return a change in per cent with its sign.

    >>> percent(-0.032), percent(2.5), percent(0.0)
    ('−3.2 %', '+250 %', '±0 %')
    """
    sign = "−" if change < 0 else "+" if change > 0 else "±"
    return sign + share(abs(change))


def share(value: float) -> str:
    """Return a share in per cent, to two digits; near the whole, to two digits of what is missing.

    >>> share(0.4), share(0.9983), share(1.0), share(2.5)
    ('40 %', '99.83 %', '100 %', '250 %')
    """
    size = value * 100.0
    if 99.0 < size < 100.0:
        return f"{100.0 - float(f'{100.0 - size:.2g}'):.12g} %"
    return f"{size:.0f} %" if 99.0 < size < 1e5 else f"{size:.2g} %"


def ratio_of(a: float, b: float) -> float:
    """Return a/b, inf for b = 0, NaN for 0/0."""
    return a / b if b else (math.nan if not a else math.inf)
