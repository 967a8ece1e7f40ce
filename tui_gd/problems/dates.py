"""Dates and times as numbers: how they are read from text, and what is computed from a day.

A date is the number of days since 1970-01-01, with the time of day as a fraction; a time of day
alone is a number of hours. Only the standard library is needed here.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    "(?P<word>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_YEAR = "(?P<year>[0-9]{4}|[0-9]{2})"
_DAY = "(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?"
_CLOCK = (
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}(?:[.,][0-9]+)?))?"
    r"(?: ?(?P<half>[ap])\.?m\.?)?(?: ?(?P<zone>Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?"
)
_BEFORE = "(?:[a-z]{3,9}[.,]* )?"
_FORMATS = [
    re.compile(rf"{pattern}(?:(?:[T,] ?| ){_CLOCK})?", re.IGNORECASE | re.ASCII)
    for pattern in (
        "(?P<year>[0-9]{4})([-/.])(?P<month>[0-9]{1,2})[-/.](?P<day>[0-9]{1,2})",
        rf"(?P<first>[0-9]{{1,2}})(?P<sign>[-/.])(?P<second_>[0-9]{{1,2}})[-/.]{_YEAR}",
        rf"{_BEFORE}{_MONTH}[- ]{_DAY},?[- ]{_YEAR}",
        rf"{_BEFORE}{_DAY}[- ]{_MONTH}[-, ]{{1,2}}{_YEAR}",
        rf"{_MONTH}[-, ]{{1,2}}(?P<year>[0-9]{{4}})",
        rf"(?P<year>[0-9]{{4}})[- ]{_MONTH}",
        # only a plausible year: 0012-03 and 4711-05 are codes
        "(?P<year>(?:1[5-9]|2[01])[0-9]{2})[-/](?P<month>0[1-9]|1[0-2])",
    )
]
_TIME = re.compile(_CLOCK, re.IGNORECASE | re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST = 60


def day_of(text: str, day_first: bool) -> float | None:
    """Return the days since 1970-01-01 that a text means, None if it is not a date.

    `day_first` says whether 3/4/2024 is in April. A time in a zone counts as UTC.
    """
    if len(text) > LONGEST or not text[:1].isalnum():
        return None
    match = next(filter(None, (form.fullmatch(text) for form in _FORMATS)), None)
    if match is None:
        return None
    parts = match.groupdict()
    if "first" in parts:
        # 1.2.30 may as well be a version
        if parts["sign"] == "." and len(parts["year"]) == 2 and len(parts["first"]) == 1:
            return None
        day, month = (parts["first"], parts["second_"])[:: 1 if day_first else -1]
    else:
        day, month = parts.get("day") or "1", parts.get("month")
    number = int(month) if month else 1 + _MONTHS.index(parts["word"].lower()[:3])
    year = int(parts["year"])
    if len(parts["year"]) == 2:
        year += 1900 if year >= 69 else 2000
    try:
        date = datetime(year, number, int(day), tzinfo=_zone(parts["zone"]))
        days = (date - _EPOCH) / timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    if not parts["hour"]:
        return days
    hours = _hours(parts)
    return None if hours is None else days + hours / 24.0


def hour_of(text: str) -> float | None:
    """Return the hours since midnight that a text means, None if it is not a time of day."""
    match = _TIME.fullmatch(text) if len(text) <= LONGEST else None
    return None if match is None else _hours(match.groupdict())


def _hours(parts: dict[str, str]) -> float | None:
    hour, minute = int(parts["hour"]), int(parts["minute"])
    second = float((parts["second"] or "0").replace(",", "."))
    if parts["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (parts["half"].lower() == "p")
    if hour > 24 or minute > 59 or second >= 61.0:
        return None
    return hour + minute / 60.0 + second / 3600.0


def _zone(text: str | None) -> timezone:
    if not text or not text[1:3].isdecimal():
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)


def day_comes_first(texts: Sequence[str], *, are_dates: bool = False) -> bool | None:
    """Return whether dates as 3/4/2024 begin with the day; None if they are not dates of one order.

    A first number above 12 is a day, and a second one too. If no text decides, dates with points
    begin with the day, others with the month: `is_ambiguous`. Two or more texts that all name a
    year and the next one, as 2011-12 does, are seasons and no dates, unless the column is known to
    hold dates.
    """
    if not are_dates and len(texts) > 1 and all(map(_is_season, texts)):
        return None
    firsts, seconds, points = [], [], False
    for text in texts:
        match = _FORMATS[1].fullmatch(text) if len(text) <= LONGEST else None
        if match:
            firsts.append(int(match["first"]))
            seconds.append(int(match["second_"]))
            points = points or match["sign"] == "."
    above = max(firsts, default=0) > 12, max(seconds, default=0) > 12
    if all(above):
        return None
    return above[0] or (points and not above[1])


def _is_season(text: str) -> bool:
    match = _FORMATS[-1].fullmatch(text) if len(text) == len("2011-12") else None
    return match is not None and (int(match["year"]) + 1) % 100 == int(match["month"])


def is_ambiguous(texts: Sequence[str]) -> bool:
    """Whether no text decides if the day or the month comes first."""
    matches = [match for text in texts[:1000] if (match := _FORMATS[1].fullmatch(text[:LONGEST]))]
    return bool(matches) and all(
        int(match["first"]) <= 12 and int(match["second_"]) <= 12 for match in matches
    )


def date_text(days: float) -> str:
    """Return days since 1970-01-01 as a date."""
    try:
        return (_EPOCH + timedelta(days=days)).date().isoformat()
    except OverflowError:
        return "a date"
