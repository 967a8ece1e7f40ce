"""Predicts from the rows of a table with the model in model.json, in the same folder as this file.

    python predict.py new.csv > predicted.csv       # - is standard input
    python predict.py new.csv --skip-footer 2       # without the last two lines that are not empty

The table needs the columns that the model was trained on, by name and in any order; other columns
are ignored. It is read with the options that the table of the train rows was read with, and is
unpacked from .gz, .bz2, .xz or a zip archive of one file. One line is printed per row, also
for a footer: the prediction, and for classes the probability of each.
It needs Python and numpy only, and runs nothing from model.json.

    from predict import load, predict               # rows are dicts: {"plan": "basic", ...}
    values, probabilities = predict(load(), rows)
"""

import bz2
import codecs
import csv
import gzip
import importlib.util
import io
import json
import lzma
import math
import os
import re
import sys
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Model = Mapping[str, Any]
Rules = Sequence[tuple[int, Mapping[str, Any]]]  # of one column, with their places
ROWS = 4096  # rows per block
OF_DATES = {"year", "month", "weekday", "days", "hour"}
_YES_NO = {"true": 1.0, "false": 0.0}
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_DAMAGED = (zlib.error, lzma.LZMAError, zipfile.BadZipFile)
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}  # that of UTF-32 begins like that of UTF-16


def load(path: str | Path | None = None) -> dict[str, Any]:
    """Return the model in model.json beside this file, or in another file."""
    beside = Path(__file__).with_name("model.json")
    model = json.loads(Path(path or beside).read_text(encoding="utf-8"))
    assert isinstance(model, dict)
    return model


def predict(
    model: Model, rows: Sequence[Mapping[str, Any]], first: int = 1
) -> tuple[list[Any], Floats | None]:
    """Return the prediction for every row, and for classes their probabilities (rows, classes).

    `ValueError` for a row that cannot be used; messages count rows from `first` on.
    """
    scores = _scores(model, features(model, rows, first))
    if model["task"] == "regression":
        return scores[:, 0].tolist(), None
    if model["task"] == "binary":
        p = np.exp(-np.logaddexp(0.0, -scores))
        above = scores > 0 if model["threshold"] == 0.5 else p > model["threshold"]
        best = above[:, 0].astype(np.intp)
        probabilities = np.concatenate([1.0 - p, p], axis=1)
    else:
        best = scores.argmax(axis=1)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities = powers / powers.sum(axis=1, keepdims=True)
    return [model["classes"][number] for number in best], probabilities


def features(model: Model, rows: Sequence[Mapping[str, Any]], first: int = 1) -> Floats:
    """Return the features of rows of a table, ones last: (rows, features + 1)."""
    x = np.ones((len(rows), len(model["features"]) + 1))
    by_column: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
    for place, rule in enumerate(model["features"]):
        by_column.setdefault(rule["column"], []).append((place, rule))
    for column, rules in by_column.items():
        if len(rows) and column not in rows[0]:
            raise ValueError(f"has no column {column!r}, which the model needs")
        values = [row[column] for row in rows]
        if any(rule["use"] in OF_DATES for _, rule in rules):
            _days(model, column, rules, values, x, first)
        elif any(rule["use"] == "number" for _, rule in rules):
            _numbers(model, column, rules, values, x, first)
        else:
            _texts(model, rules, values, x)
    for place, rule in enumerate(model["features"]):
        x[:, place] = (x[:, place] - rule["mean"]) / rule["scale"]
    return x


def _numbers(
    model: Model, column: str, rules: Rules, values: Sequence[Any], x: Floats, first: int
) -> None:
    read = _loose_number if column in model["loose columns"] else _number
    # as _number and _loose_number need it: patterns compiled, missing numbers as a set
    patterns = {name: re.compile(model[name]) for name in ("number", "loose number")}
    model = {**model, **patterns, "missing numbers": set(model["missing numbers"])}
    found = np.empty(len(values))
    for row, value in enumerate(values):
        try:
            found[row] = read(model, value)
        except ValueError:
            raise ValueError(
                f"row {first + row}, column {column!r}: {value!r} is not a number"
            ) from None
    absent = np.isnan(found)
    for place, rule in rules:
        if rule["use"] == "missing":
            x[:, place] = absent
        elif rule["fill"] is None and absent.any():
            raise ValueError(
                f"row {first + int(absent.argmax())}, column {column!r}: a number is missing, and"
                " no median of train rows is known to fill it"
            )
        else:
            x[:, place] = np.where(absent, rule["fill"] or 0.0, found)


def _number(model: Model, value: Any) -> float:
    """Return a number, NaN if it is missing; `ValueError` if the value is not a number."""
    if value is None:
        return math.nan
    if not isinstance(value, str):
        return float(value)
    text, decimal = value.strip(), model["decimal"]
    if text in model["missing numbers"]:
        return math.nan
    if text.lower() in _YES_NO:
        return _YES_NO[text.lower()]
    if not model["number"].fullmatch(text):
        raise ValueError(text)
    # what is left out are signs between thousands
    digits = "".join(sign for sign in text if sign in "0123456789+-eE" or sign == decimal)
    number = float(digits.replace(decimal, "."))
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _loose_number(model: Model, value: Any) -> float:
    """Like `_number`, but a text may have signs, units or brackets; NaN if it has no number."""
    if not isinstance(value, str):
        return _number(model, value)
    text = value.strip()
    if text in model["missing numbers"] or len(text) > model["longest"]:
        return math.nan
    match = model["loose number"].fullmatch(text)
    if match is None or (match["open"] is None) != (match["close"] is None):
        return math.nan
    digits = match["number"].strip()
    if not model["number"].fullmatch(digits):
        return math.nan
    number = _number(model, digits)
    number *= float(model["factors"].get(match["unit"] or "", 1.0))
    minus = {"-", "\u2212", "\u2013"} & {match["before"], match["inner"]}
    return -number if minus or match["open"] else number


def _days(
    model: Model, column: str, rules: Rules, values: Sequence[Any], x: Floats, first: int
) -> None:
    """Compute the features of dates in days since 1970-01-01, or of times in hours."""
    spec = importlib.util.spec_from_file_location("dates", Path(__file__).with_name("dates.py"))
    assert spec is not None
    assert spec.loader is not None
    dates = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(dates)
    missing = set(model["missing texts"])
    of_time = any(rule["use"] == "hour" for _, rule in rules)
    day_first = any(rule["text"] for _, rule in rules)
    found = np.full(len(values), math.nan)
    for row, value in enumerate(values):
        text = "" if value is None or _is_nan(value) else str(value).strip()
        if text in missing:
            continue
        number = dates.hour_of(text) if of_time else dates.day_of(text, day_first)
        if number is None:
            raise ValueError(
                f"row {first + row}, column {column!r}: {value!r} is not a"
                f" {'time' if of_time else 'date'}"
            )
        found[row] = number
    absent = np.isnan(found)
    for place, rule in rules:
        if rule["use"] == "missing":
            x[:, place] = absent
        else:
            x[:, place] = _part(np.where(absent, rule["fill"] or 0.0, found), rule["use"])


def _part(days: Floats, part: str) -> Floats:
    whole = np.floor(days).astype(np.int64)
    dates = whole.astype("datetime64[D]")
    if part == "year":
        whole = dates.astype("datetime64[Y]").astype(np.int64) + 1970
    elif part == "month":
        whole = dates.astype("datetime64[M]").astype(np.int64) % 12 + 1
    elif part == "weekday":
        whole = (whole + 3) % 7  # 1970-01-01 was a Thursday
    else:
        return days
    return whole.astype(np.float64)


def _texts(model: Model, rules: Rules, values: Sequence[Any], x: Floats) -> None:
    missing = set(model["missing texts"])
    places: dict[str | None, int] = {}
    rare = -1
    for place, rule in rules:
        x[:, place] = 0.0
        if rule["use"] == "rare":
            rare = place
        else:
            places[rule["text"] if rule["use"] == "text" else None] = place
    for row, value in enumerate(values):
        text = "" if value is None or _is_nan(value) else str(value).strip()
        place = places.get(None if text in missing else text, rare)
        if place >= 0:
            x[row, place] = 1.0


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _scores(model: Model, x: Floats) -> Floats:
    """Return the scores of rows (rows, outputs): layers [a, 1] W, the bias row last in W."""
    *hidden, last = [np.array(layer) for layer in model["layers"]]
    for layer in hidden:
        z = x @ layer
        match model["activation"]:
            case "tanh":
                z = np.tanh(z)
            case "relu":
                z = np.maximum(z, 0.0)
            case "sigmoid":
                z = np.exp(-np.logaddexp(0.0, -z))
        x = np.concatenate([z, np.ones((len(z), 1))], axis=1)
    scores: Floats = x @ last
    return scores


def _without_last(lines: Iterator[str], count: int) -> Iterator[str]:
    """Yield all lines but the last ones that are not empty; empty ones may be within quotes."""
    held: list[str] = []
    full = 0
    for line in lines:
        held.append(line)
        full += bool(line.strip())
        while full > count:
            full -= bool(held[0].strip())
            yield held.pop(0)


def table(
    lines: Iterator[str], columns: Sequence[str], reading: Mapping[str, Any]
) -> Iterator[dict[str, str]]:
    """Yield the rows of a text table, read with the options that the train rows were read with.

    The delimiter is the one that finds all columns in the header, or else the one that splits it
    most. Without a header the columns are x1, x2 and so on, as in training. `ValueError` for a bad
    row.
    """
    lines = islice(lines, reading["skip rows"], None)
    if reading["comment"] is not None:
        lines = (line for line in lines if not line.lstrip(" \t").startswith(reading["comment"]))
    lines = _without_last(lines, reading.get("skip footer", 0))
    if reading["separator"] == "blanks":
        lines = _with_tabs(lines)
    head = next((line for line in lines if line.strip()), "")
    known = {"blanks": "\t", None: ",\t;|"}
    delimiters = known.get(reading["separator"], reading["separator"])

    def names_with(delimiter: str) -> list[str]:
        first = next(csv.reader([head], delimiter=delimiter), [])
        return [_name(name, place) for place, name in enumerate(first, 1)]

    def quality(delimiter: str) -> tuple[bool, int]:
        names = names_with(delimiter)
        return set(columns) <= set(names), len(names)

    delimiter = max(delimiters, key=quality)
    rows: Iterator[list[str]] = csv.reader(chain([head], lines), delimiter=delimiter)
    rows = filter(None, rows)
    names, first = names_with(delimiter), next(rows, [])
    numbered = [f"x{place}" for place in range(1, len(first) + 1)]
    header = reading["header"]
    if header is None:
        header = bool(set(columns) & set(names)) or not set(columns) <= set(numbered)
    if not header:
        names, rows = numbered, chain([first], rows)
    elif second := next(rows, []):
        rows = chain([second], rows)
        if len(second) == len(names) + 1 and not second[-1].strip():
            names = [*names, ""]  # the rows end with a delimiter, and the header does not
        elif len(second) == len(names) + 1 and reading["header"]:
            names = ["column 1", *names]
    for column in columns:
        if column not in names:
            raise ValueError(f"has no column {column!r}, which the model needs")
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise ValueError(f"row {number} has {len(row)} values instead of {len(names)}")
        yield dict(zip(names, row, strict=True))


def _with_tabs(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines with a tab for blanks between fields; blanks within quotes stay."""
    quoted = False
    for line in lines:
        body = line.rstrip("\r\n")
        parts = body.split('"')
        for place in range(int(quoted), len(parts), 2):
            parts[place] = re.sub("[ \t]+", "\t", parts[place])
        text = '"'.join(parts)
        text = text if quoted else text.lstrip("\t")
        quoted ^= len(parts) % 2 == 0
        yield (text if quoted else text.rstrip("\t")) + line[len(body) :]


def _name(text: str, place: int) -> str:
    text = text.strip()[:200]
    text = "".join("?" if unicodedata.category(sign) in _UNSAFE else sign for sign in text)
    return text or f"column {place}"


@contextmanager
def _opened(path: str, encoding: str | None) -> Iterator[io.TextIOWrapper]:
    """Open a text file, which may be packed; a byte order mark comes before `encoding`."""
    with open(0 if path == "-" else path, "rb") as raw:
        first = raw.peek(4)[:4]
        file: IO[bytes] = raw
        if first[:2] == b"\x1f\x8b":
            file = cast(IO[bytes], gzip.GzipFile(fileobj=raw))
        elif first[:3] == b"BZh":
            file = bz2.BZ2File(raw)
        elif first == b"\xfd7zX":
            file = lzma.LZMAFile(raw)  # noqa: SIM115
        elif first == b"PK\x03\x04":
            archive = zipfile.ZipFile(raw if raw.seekable() else io.BytesIO(raw.read()))
            one, *others = [name for name in archive.namelist() if not name.endswith("/")]
            if others:
                raise ValueError(f"a zip archive of {1 + len(others)} files: unpack it")
            file = archive.open(one)
        elif first == b"\x28\xb5\x2f\xfd":
            raise ValueError("unpack it first: zstd is not read here")
        buffered = io.BufferedReader(cast(io.RawIOBase, file))
        start = buffered.peek(4)[:4]
        mark = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
        with io.TextIOWrapper(buffered, encoding=encoding or mark or "utf-8", newline="") as text:
            yield text


def main(arguments: Sequence[str]) -> int:
    """Print the predictions for the rows of a file."""
    file_name, *footer = arguments or ["-h"]
    known = not footer or (len(footer) == 2 and footer[0] == "--skip-footer")
    if not known or not "".join(footer[1:] or "0").isdecimal() or file_name in {"-h", "--help"}:
        print(__doc__, file=sys.stderr)
        return 2
    model = load()
    columns = list(dict.fromkeys(rule["column"] for rule in model["features"]))
    out = csv.writer(sys.stdout, lineterminator="\n")
    try:
        reading = model["reading"] | {"skip footer": int(footer[1]) if footer else 0}
        with _opened(file_name, reading["encoding"]) as file:
            rows, first = table(iter(file), columns, reading), 1
            out.writerow([model["target"], *(f"P({name})" for name in model["classes"])])
            while block := list(islice(rows, ROWS)):
                values, probabilities = predict(model, block, first)
                for number, value in enumerate(values):
                    row = () if probabilities is None else probabilities[number].tolist()
                    out.writerow([value, *row])
                first += len(block)
    except BrokenPipeError:  # the reader has gone: keep Python from flushing at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (OSError, EOFError, ValueError, csv.Error, *_DAMAGED) as error:
        print(f"{file_name}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
