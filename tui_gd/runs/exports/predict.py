"""Predicts from the rows of a table with the model in model.json, in the same folder as this file.

    python predict.py new.csv > predicted.csv       # - is standard input; .gz is unpacked

The table needs the columns that the model was trained on, by name and in any order; other columns
are ignored. One line is printed per row: the prediction, and for classes the probability of each.
It needs Python and numpy only, and runs nothing from model.json.

    from predict import load, predict               # rows are dicts: {"plan": "basic", ...}
    values, probabilities = predict(load(), rows)
"""

import csv
import gzip
import importlib.util
import io
import json
import math
import os
import re
import sys
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROWS = 4096  # rows per block
_OF_DATES = {"year", "month", "weekday", "days", "hour"}
_YES_NO = {"true": 1.0, "false": 0.0}
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def load(path: str | Path | None = None) -> dict[str, Any]:
    """Return the model in model.json beside this file, or in another file."""
    beside = Path(__file__).with_name("model.json")
    model = json.loads(Path(path or beside).read_text(encoding="utf-8"))
    assert isinstance(model, dict)
    return model


def predict(
    model: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], first: int = 1
) -> tuple[list[Any], Floats | None]:
    """Return the prediction for every row, and for classes their probabilities (rows, classes).

    `ValueError` for a row that cannot be used; messages count rows from `first` on.
    """
    scores = _scores(model, features(model, rows, first))
    if model["task"] == "regression":
        return scores[:, 0].tolist(), None
    if model["task"] == "binary":
        best = (scores[:, 0] > 0).astype(np.intp)
        p = np.exp(-np.logaddexp(0.0, -scores))
        probabilities = np.concatenate([1.0 - p, p], axis=1)
    else:
        best = scores.argmax(axis=1)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities = powers / powers.sum(axis=1, keepdims=True)
    return [model["classes"][number] for number in best], probabilities


def features(model: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], first: int = 1) -> Floats:
    """Return the features of rows of a table, ones last: (rows, features + 1)."""
    x = np.ones((len(rows), len(model["features"]) + 1))
    by_column: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
    for place, rule in enumerate(model["features"]):
        by_column.setdefault(rule["column"], []).append((place, rule))
    for column, rules in by_column.items():
        if len(rows) and column not in rows[0]:
            raise ValueError(f"has no column {column!r}, which the model needs")
        values = [row[column] for row in rows]
        if any(rule["use"] in _OF_DATES for _, rule in rules):
            _days(model, column, rules, values, x, first)
        elif any(rule["use"] == "number" for _, rule in rules):
            _numbers(model, column, rules, values, x, first)
        else:
            _texts(model, rules, values, x)
    for place, rule in enumerate(model["features"]):
        x[:, place] = (x[:, place] - rule["mean"]) / rule["scale"]
    return x


def _numbers(
    model: Mapping[str, Any],
    column: str,
    rules: Iterable[tuple[int, Mapping[str, Any]]],
    values: Sequence[Any],
    x: Floats,
    first: int,
) -> None:
    missing = set(model["missing numbers"])
    pattern = re.compile(model["number"])
    found = np.empty(len(values))
    for row, value in enumerate(values):
        try:
            found[row] = _number(value, missing, pattern, model["decimal"])
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


def _number(value: Any, missing: set[str], pattern: "re.Pattern[str]", decimal: str) -> float:
    """Return a number, NaN if it is missing; `ValueError` if the value is not a number."""
    if value is None:
        return math.nan
    if not isinstance(value, str):
        return float(value)
    text = value.strip()
    if text in missing:
        return math.nan
    if text.lower() in _YES_NO:
        return _YES_NO[text.lower()]
    if not pattern.fullmatch(text):
        raise ValueError(text)
    # what is left out are signs between thousands
    digits = "".join(sign for sign in text if sign in "0123456789+-eE" or sign == decimal)
    number = float(digits.replace(decimal, "."))
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _days(
    model: Mapping[str, Any],
    column: str,
    rules: Iterable[tuple[int, Mapping[str, Any]]],
    values: Sequence[Any],
    x: Floats,
    first: int,
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


def _texts(
    model: Mapping[str, Any],
    rules: Iterable[tuple[int, Mapping[str, Any]]],
    values: Sequence[Any],
    x: Floats,
) -> None:
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


def _scores(model: Mapping[str, Any], x: Floats) -> Floats:
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


def table(lines: Iterator[str], columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield the rows of a text table; the delimiter is the one that splits the header most.

    Without a header the columns are x1, x2 and so on, as in training. `ValueError` for a bad row.
    """
    head = next((line for line in lines if line.strip()), "")
    delimiter = max(",\t;|", key=lambda one: len(next(csv.reader([head], delimiter=one), [])))
    reader = csv.reader(chain([head], lines), delimiter=delimiter)
    names = [_name(name, place) for place, name in enumerate(next(reader, []), 1)]
    numbered = [f"x{place}" for place in range(1, len(names) + 1)]
    if not set(columns) & set(names) and set(columns) <= set(numbered):
        names, reader = numbered, csv.reader(chain([head], lines), delimiter=delimiter)
    for column in columns:
        if column not in names:
            raise ValueError(f"has no column {column!r}, which the model needs")
    for number, row in enumerate((row for row in reader if row), 1):
        if len(row) != len(names):
            raise ValueError(f"row {number} has {len(row)} values instead of {len(names)}")
        yield dict(zip(names, row, strict=True))


def _name(text: str, place: int) -> str:
    text = text.strip()[:200]
    text = "".join("?" if unicodedata.category(sign) in _UNSAFE else sign for sign in text)
    return text or f"column {place}"


@contextmanager
def _opened(path: str) -> Iterator[io.TextIOWrapper]:
    """Open a text file; gzip is unpacked."""
    with open(0 if path == "-" else path, "rb") as raw:
        packed = raw.peek(2)[:2] == b"\x1f\x8b"
        file = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw
        with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
            yield text


def main(arguments: Sequence[str]) -> int:
    """Print the predictions for the rows of a file."""
    if len(arguments) != 1 or arguments[0] in {"-h", "--help"}:
        print(__doc__, file=sys.stderr)
        return 2
    model = load()
    columns = list(dict.fromkeys(rule["column"] for rule in model["features"]))
    out = csv.writer(sys.stdout, lineterminator="\n")
    try:
        with _opened(arguments[0]) as file:
            rows, first = table(iter(file), columns), 1
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
    except (OSError, EOFError, zlib.error, UnicodeError, ValueError, csv.Error) as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
