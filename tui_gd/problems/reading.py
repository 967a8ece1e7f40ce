"""How a file is read: options, and which texts are numbers or missing values."""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tui_gd.errors import Fault, ProblemError, Way, way
from tui_gd.problems.text import option, safe_text

MISSING_TEXTS = frozenset(
    ("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
     "<NA>", "N/A", "NA", "NULL", "NaN", "NaT", "n/a", "nan", "null", "#VALUE!", "#DIV/0!", "#REF!",
     "#NUM!", "#NAME?")
)  # fmt: skip
"""Texts that mean a missing value in every column."""
MISSING_NUMBERS = MISSING_TEXTS | frozenset(
    ("?", ".", "..", "...", "-", "--", "---", "*", "None", "none", "missing", "Missing", "MISSING",
     "na", "Na", "N.A.", "n.a.", "nil", "Nil", "NIL", "unknown", "Unknown", "UNKNOWN", "Null",
     "(null)", "nodata", "NoData", "no data", "No data")
)  # fmt: skip
"""Texts that mean a missing value in a column of numbers."""
BLANKS = "blanks"
_SEPARATORS = {
    "comma": ",",
    "semicolon": ";",
    "bar": "|",
    "tab": "\t",
    "\\t": "\t",
    BLANKS: BLANKS,
    "blank": BLANKS,
    "space": BLANKS,
    " ": BLANKS,
}
_SPACES = " \xa0\u2009\u202f"
_NUMBER_SIGNS = {"space": " ", "blank": " ", "comma": ",", "point": ".", "quote": "'"}
_LARGE = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "mio": 1e6, "bn": 1e9}
_SIGNS = "$€£¥₹%°*†‡"
_DIGITS = rf"[0-9.,'’{_SPACES}]*[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?"
# letters before or after a number are a unit; a sign is a currency or marks a footnote
_LOOSE = re.compile(
    r"(?P<mark>[<>≤≥~≈±]=?)? *(?P<open>\()? *(?P<before>[-+−–])?"
    rf" *(?:[{_SIGNS}]|[A-Za-z]{{1,4}}\.?)? *(?P<inner>[-+−–])?(?P<number>{_DIGITS})"
    rf" *(?P<unit>[A-Za-zµ²³/]{{1,10}})?(?P<sign>[{_SIGNS} ]*)(?P<close>\))?"
)
# texts that are surely numbers: A1, 3rd and 4x4 are names
_ORNAMENTED = re.compile(
    rf"[<>≤≥~≈±]?=? *\(? *[-+−–]? *(?:[{_SIGNS}]|[A-Z]{{3}} )? *[-+−–]?{_DIGITS}"
    rf"(?: ?[kKMB]| [A-Za-zµ²³/]{{1,10}})?[{_SIGNS} ]*\)?"
)
_UNIT = re.compile(r"[-+−–]?[0-9.,]*[0-9] ?([A-Za-zµ²³/]{1,10})")
LONGEST_NUMBER = 60
FEW_UNITS = 10
"""Up to this many different texts with words after numbers, such as `36 months`, are text."""
LOOKED_AT = 1000


@dataclass(frozen=True)
class Reading:
    """How a file is read: options of the command line.

    `sep` separates the fields of a text table, and `header` says whether its first line names the
    columns; None leaves both to be found. `decimal` and `thousands` are the signs in its numbers.
    `missing` are further texts for a missing value; `comment` begins lines to ignore; `skip_rows`
    lines precede the table, `skip_footer` lines that are not empty follow it. Columns in `number`
    are read as numbers whatever they hold, columns in `text` as text. `skip_missing_target` leaves
    out rows without a target.
    """

    sep: str | None = None
    header: bool | None = None
    decimal: str = "."
    thousands: str | None = None
    missing: tuple[str, ...] = ()
    comment: str | None = None
    skip_rows: int = 0
    skip_footer: int = 0
    encoding: str | None = None
    skip_missing_target: bool = False
    number: tuple[str, ...] = ()
    text: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        sep, thousands = self.separator, self.thousands_sign
        if sep not in {None, BLANKS} and (len(sep or "") != 1 or sep in '"\r\n'):
            raise ProblemError(
                f"--sep {safe_text(self.sep or '')!r}: name one character, tab or blanks",
                way(sep=None),
            )
        if thousands is not None and (len(thousands) != 1 or thousands in "0123456789+-eE"):
            raise ProblemError(
                f"--thousands {safe_text(thousands)!r}: name comma, point, space, quote or one"
                " character",
                way(thousands=None),
            )
        if self.decimal_sign not in {".", ","}:
            raise ProblemError(
                f"--decimal {safe_text(self.decimal)!r}: name comma or point", way(decimal=None)
            )
        if thousands == self.decimal_sign:
            raise ProblemError(
                "--thousands and --decimal are the same sign: name two signs",
                way(thousands=None),
                way(decimal=None),
            )
        if self.encoding is not None:
            try:
                # a codec such as hex, which turns bytes into bytes, is not an encoding of text
                if not getattr(codecs.lookup(self.encoding), "_is_text_encoding", True):
                    raise LookupError
            except (LookupError, ValueError):
                name = safe_text(self.encoding)
                raise ProblemError(
                    f"--encoding {name!r} is not known: try utf-8, latin-1, cp1252 or utf-16",
                    way(encoding=None),
                ) from None

    @property
    def separator(self) -> str | None:
        """The character between fields; `blanks` for one blank or more, None to detect it."""
        return None if self.sep is None else _SEPARATORS.get(self.sep, self.sep)

    @property
    def thousands_sign(self) -> str | None:
        """The sign between groups of three digits."""
        return None if self.thousands is None else _NUMBER_SIGNS.get(self.thousands, self.thousands)

    @property
    def decimal_sign(self) -> str:
        """The sign before decimal places."""
        return _NUMBER_SIGNS.get(self.decimal, self.decimal)

    @property
    def said_footer(self) -> str:
        """What is said of a file to test on: these lines may be rows there."""
        lines = f"{self.skip_footer} lines" if self.skip_footer > 1 else "line"
        return f"--skip-footer {self.skip_footer} leaves its last {lines} out"

    @cached_property
    def missing_texts(self) -> frozenset[str]:
        """Texts that mean a missing value in every column."""
        return MISSING_TEXTS.union(self.missing)

    @cached_property
    def missing_numbers(self) -> frozenset[str]:
        """Texts that mean a missing value in a column of numbers."""
        return MISSING_NUMBERS.union(self.missing)

    @cached_property
    def numeral(self) -> "re.Pattern[str]":
        """The pattern of a number."""
        return re.compile(rf"[ \t]*{numeral(self.decimal_sign, self.thousands_sign)}[ \t]*")

    def is_number(self, text: str) -> bool:
        """Whether a text is a number as this file writes them."""
        return self.numeral.fullmatch(text) is not None

    def is_long(self, text: str) -> bool:
        """Whether a text is a whole number, written in digits, that float64 may round."""
        return len(text) > 15 and self.is_number(text) and not {self.decimal_sign, *"eE"} & {*text}

    def loose_number(self, text: str) -> float | None:
        """Return the number in a text with signs, units or brackets; None if there is none.

        `(5)` is −5, `1.5k` is 1500, `<0.1` is 0.1, `5 USD` is 5.
        """
        if len(text) > LONGEST_NUMBER:
            return None
        match = _LOOSE.fullmatch(text.strip())
        if match is None or (match["open"] is None) != (match["close"] is None):
            return None
        digits = match["number"].strip()
        if not self.is_number(digits):
            return None
        number = self.value(digits) * _LARGE.get(match["unit"] or "", 1.0)
        minus = {"-", "−", "–"} & {match["before"], match["inner"]}
        return -number if minus or match["open"] else number

    def value(self, digits: str) -> float:
        """Return the number that a text is."""
        if self.thousands_sign is not None:
            digits = re.sub(_group(self.thousands_sign), "", digits)
        return float(digits.strip().replace(self.decimal_sign, "."))


def loose_numbers() -> tuple[str, int, dict[str, float]]:
    """Return the pattern of numbers with what is around them, their length and their factors.

    Its groups are those that `Reading.loose_number` reads.
    """
    return _LOOSE.pattern, LONGEST_NUMBER, dict(_LARGE)


def numeral(decimal: str, thousands: str | None) -> str:
    """Return the pattern, for Python and RE2, of a number that is written with these signs."""
    whole, point = "[0-9]+", re.escape(decimal)
    if thousands is not None:
        whole = rf"(?:[0-9]{{1,3}}(?:{_group(thousands)}[0-9]{{3}})+|[0-9]+)"
    return rf"[+-]?(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"


def _group(thousands: str) -> str:
    if thousands == " ":
        return f"[{_SPACES}]"
    return "['’]" if thousands == "'" else re.escape(thousands)


_LEADING_ZERO = re.compile("0[0-9]{2,}")
_NINES = re.compile(r"-9{2,5}(?:\.0+)?|9{3,6}(?:\.0+)?")
FAR = 5.0
"""A number of nines may mean a gap if it is more than this many times the largest other number."""


def odd_numbers(name: str, texts: Sequence[str], reading: Reading) -> str:
    """Return what may be wrong with a column of numbers, by how they are written; empty if nothing.

    Numbers with leading zeros may be names, such as postal codes: the zeros are lost. Nines that
    occur several times may mean a gap, if they are the only negative numbers or far above the rest.
    """
    zeros = [text for text in texts if _LEADING_ZERO.fullmatch(text)]
    if len(zeros) > 1:
        mend = option("text", name)
        return f"the zeros before numbers such as {zeros[0]} are lost: {mend} keeps them"
    found = []
    for nines in dict.fromkeys(text for text in texts if _NINES.fullmatch(text)):
        if texts.count(nines) < 2 or not reading.is_number(nines):
            continue
        gap = reading.value(nines)
        others = [reading.value(one) for one in texts if one != nines and reading.is_number(one)]
        if not others:
            continue
        if min(others) >= 0.0 > gap or gap > FAR * max(1.0, *others):
            found.append(f"{nines} may mean a missing value: {option('missing', nines)}")
    return "; ".join(found)


_POINTED = re.compile(numeral(".", None))


# other ways to write numbers, and the options that read them
_WRITTEN = (
    (".", ",", way(thousands="comma")),
    (",", None, way(decimal="comma")),
    (",", ".", way(decimal="comma", thousands="point")),
    (".", " ", way(thousands="space")),
    (",", " ", way(decimal="comma", thousands="space")),
    (".", "'", way(thousands="quote")),
    (",", "'", way(decimal="comma", thousands="quote")),
)


def _typed(options: Way) -> str:
    return " ".join(option(name, value) for name, value in options)


def _has_units(texts: Sequence[str]) -> bool:
    """Whether texts are numbers with the same letters right behind them, as 5kg."""
    units = {match[1] if (match := _UNIT.fullmatch(text)) else "" for text in texts}
    return len(texts) > FEW_UNITS and len(units) == 1 and units != {""}


def written_otherwise(name: str, texts: Sequence[str], reading: Reading) -> Fault | None:
    """Return why a column is text that holds numbers, with the options that read it; else None.

    `texts` are the different texts of the column without the missing ones.
    """
    some = texts[:LOOKED_AT]
    plain = [text for text in some if reading.is_number(text)]
    others = [text for text in some if not reading.is_number(text)]
    if len(some) < 2 or not others:
        return None
    shown, as_text = repr(safe_text(others[0])), option("text", name)
    fitting = [
        options
        for decimal, thousands, options in _WRITTEN
        if all(re.fullmatch(numeral(decimal, thousands), text) for text in some)
    ]
    if fitting:
        # if one option is enough, do not name a second one
        ways = [options for options in fitting if len(options) == 1] or fitting
        mend = f": read them with {' or '.join(map(_typed, ways))}, or as text with {as_text}"
        if reading.decimal_sign == "," and all(map(_POINTED.fullmatch, some)):
            ways = [way(decimal=None), way(drop=name)]
            mend = (
                ", which --decimal comma does not read: leave the column out with"
                f" {option('drop', name)}, or read it as text with {as_text}"
            )
        return Fault(f"column {name!r} holds numbers such as {shown}{mend}", *ways, way(text=name))
    if any(len(text) > LONGEST_NUMBER for text in others) or not (
        all(map(_ORNAMENTED.fullmatch, others)) or _has_units(others)
    ):
        return None
    # classes such as >50K and <=50K, without a plain number among them, are text
    marked = any(text[:1] in "<>≤≥~≈±" or text[-1:] in "*†‡" for text in others)
    words = any(re.search(r"[0-9] (?![A-Z]{3}$)[A-Za-zµ/]{2,}", text) for text in others)
    if (marked and not plain) or (words and len(some) <= FEW_UNITS):
        return None
    for decimal, thousands, options in ((".", None, ()), *_WRITTEN):
        other = Reading(decimal=decimal, thousands=thousands)
        if all(other.loose_number(text) is not None for text in some):
            ways = [(*way(number=name), *options), way(text=name)]
            return Fault(
                f"column {name!r} holds numbers with signs or units, such as {shown}: read them"
                f" with {_typed(ways[0])}, or as text with {as_text}",
                *ways,
            )
    return None
