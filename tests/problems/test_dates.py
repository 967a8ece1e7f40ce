"""Dates as features: parts by pandas, orders of day and month, gaps, drop and refuse."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from tests.problems.tabling import written
from tui_gd.errors import ProblemError
from tui_gd.problems.dates import day_comes_first, day_of, hour_of
from tui_gd.problems.files import load_file, read_columns
from tui_gd.problems.split import Preparation

DAYS = pd.date_range("2023-11-20", periods=90).to_series(index=range(90)).sample(
    frac=1.0, random_state=0, ignore_index=True
)  # fmt: skip


def frame(column: object) -> pd.DataFrame:
    return pd.DataFrame({"when": column, "a": np.arange(90.0) ** 2, "y": np.tile([0, 1, 1], 30)})


def wanted(days: pd.Series, train: pd.Series) -> np.ndarray:
    """The features of dates as pandas computes them."""
    parts = [days.dt.year, days.dt.month, days.dt.day_of_week]
    since = (days - train.min().normalize()) / pd.Timedelta(days=1)
    return np.column_stack([*parts, since]).astype(float)


@pytest.mark.parametrize(
    "form",
    ["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d %B %Y", "%b %d, %Y", "%d-%b-%y",
     "%Y/%m/%d", "%a, %d %b %Y", "%m/%d/%y", "%Y-%m-%d %H:%M", "%d/%m/%Y %I:%M %p"],
)  # fmt: skip
def test_dates_become_parts_as_pandas_computes_them(tmp_path: Path, form: str) -> None:
    days = DAYS + pd.Timedelta(hours=7, minutes=30) if "%M" in form else DAYS
    problem = load_file(written(frame(days.dt.strftime(form)), tmp_path / "t.csv"), "y")
    names = ("when year", "when month", "when weekday", "when days")
    assert problem.feature_names == ("a", *names)
    train, test = train_test_split(days, test_size=0.5, random_state=42)
    np.testing.assert_allclose(problem.x_train[:, 1:5], wanted(train, train), rtol=1e-9)
    np.testing.assert_allclose(problem.x_test[:, 1:5], wanted(test, train), rtol=1e-9)
    note = problem.about[0]
    first = train.min().date()
    assert note.kind == "date"
    assert note.found == f"{days.min().date()} to {days.max().date()}"
    assert note.done == f"year, month, day of the week and days since {first}"


@pytest.mark.parametrize("sign", "-/")
def test_a_month_of_a_year_is_its_first_day(tmp_path: Path, sign: str) -> None:
    months = pd.date_range("2014-10-01", periods=90, freq="MS").to_series(index=range(90))
    path = written(frame(months.dt.strftime(f"%Y{sign}%m")), tmp_path / "t.csv")
    problem = load_file(path, "y")
    train, _ = train_test_split(months, test_size=0.5, random_state=42)
    np.testing.assert_allclose(problem.x_train[:, 1:5], wanted(train, train), rtol=1e-9)
    note = problem.about[0]
    assert (note.kind, note.found) == ("date", "2014-10-01 to 2022-03-01")
    dropped = load_file(path, "y", how=Preparation(dates="drop"))
    assert dropped.about[0].done == "left out: --dates drop"
    with pytest.raises(ProblemError, match=r"'when' holds dates.*2014-10-01.*--drop"):
        load_file(path, "y", how=Preparation(dates="refuse"))


@pytest.mark.parametrize(
    "codes",
    [
        [f"2015-{i:02d}" for i in range(90)],  # a running number of a year
        [f"{i:02d}-{1 + i % 12:02d}" for i in range(90)],
        [f"{4000 + i}-{1 + i % 12:02d}" for i in range(90)],
        [f"{2000 + i % 12}-{1 + i % 12:02d}" for i in range(90)],  # seasons, 2000-01 to 2011-12
    ],
)
def test_codes_like_a_month_of_a_year_stay_text(tmp_path: Path, codes: list[str]) -> None:
    found = read_columns(written(frame(codes), tmp_path / "t.csv")).columns[0]
    assert (found.kind, len(found.labels)) == ("text", len(set(codes)))


@pytest.mark.parametrize("name", ["t.parquet", "t.feather", "t.jsonl", "t.csv"])
def test_dates_of_every_format_are_the_same(tmp_path: Path, name: str) -> None:
    days = DAYS + pd.Timedelta(hours=3)
    table = frame(days)
    if name == "t.jsonl":
        table.to_json(tmp_path / name, orient="records", lines=True, date_format="iso")
    else:
        written(table, tmp_path / name)
    problem = load_file(str(tmp_path / name), "y")
    train, _ = train_test_split(days, test_size=0.5, random_state=42)
    np.testing.assert_allclose(problem.x_train[:, 1:5], wanted(train, train), rtol=1e-9)


def test_parts_that_are_the_same_in_all_rows_are_left_out(tmp_path: Path) -> None:
    days = pd.date_range("2024-05-06", periods=90, freq="h")  # Monday to Thursday
    problem = load_file(written(frame(days.astype(str)), tmp_path / "t.csv"), "y")
    assert problem.feature_names == ("a", "when weekday", "when days")
    problem = load_file(written(frame(["2024-05-06"] * 90), tmp_path / "t.csv"), "y")
    assert problem.feature_names == ("a",)
    assert problem.about[0].done == "left out: one value only"


def test_gaps_in_dates_are_filled_and_marked(tmp_path: Path) -> None:
    days = DAYS.copy()
    days[::7] = pd.NaT
    problem = load_file(written(frame(days), tmp_path / "t.csv"), "y")
    assert problem.feature_names[-1] == "when missing"
    train, test = train_test_split(days, test_size=0.5, random_state=42)
    median = train.dropna().astype("int64").median()
    median = pd.to_datetime(median, unit=np.datetime_data(train.dtype)[0])
    for x, rows in ((problem.x_train, train), (problem.x_test, test)):
        assert np.array_equal(x[:, -2], rows.isna())
        np.testing.assert_allclose(x[:, 1:5], wanted(rows.fillna(median), train), rtol=1e-6)
    assert "a feature marks them" in problem.about[0].done


def test_times_of_day_become_hours(tmp_path: Path) -> None:
    minutes = np.random.default_rng(0).integers(0, 1440, 90)
    texts = [f"{m // 60:02d}:{m % 60:02d}" for m in minutes]
    problem = load_file(written(frame(texts), tmp_path / "t.csv"), "y")
    assert problem.feature_names == ("a", "when hour")
    train, _ = train_test_split(minutes, test_size=0.5, random_state=42)
    np.testing.assert_allclose(problem.x_train[:, 1], train / 60)


def test_standardized_dates_have_mean_0_and_variance_1(tmp_path: Path) -> None:
    path = written(frame(DAYS), tmp_path / "t.csv")
    plain, ready = load_file(path, "y"), load_file(path, "y", how=Preparation(standardize=True))
    np.testing.assert_allclose(ready.x_train[:, :-1].mean(axis=0), 0.0, atol=1e-9)
    np.testing.assert_allclose(ready.x_train[:, :-1].std(axis=0), 1.0)
    # the rule computes the feature from the days since 1970
    days = (plain.x_test[:, 4] + plain.rules[4].mean)[0]
    rule = ready.rules[4]
    assert (days - rule.mean) / rule.scale == pytest.approx(ready.x_test[0, 4])


def test_dates_are_dropped_or_refused_on_request(tmp_path: Path) -> None:
    path = written(frame(DAYS), tmp_path / "t.csv")
    problem = load_file(path, "y", how=Preparation(dates="drop"))
    assert problem.feature_names == ("a",)
    assert problem.about[0].done == "left out: --dates drop"
    with pytest.raises(ProblemError, match=r"'when' holds dates.*2023-11-20.*--drop"):
        load_file(path, "y", how=Preparation(dates="refuse"))
    with pytest.raises(ProblemError, match="holds dates, which cannot be the target"):
        load_file(path, "when")


def test_an_impossible_date_is_refused_by_its_text(tmp_path: Path) -> None:
    texts = [f"{1 + i % 28}.{1 + i % 12}.{1960 + i % 60}" for i in range(5000)]
    texts[4000] = "31.2.2020"
    table = pd.DataFrame({"when": texts, "a": np.arange(5000) % 7, "y": np.arange(5000) % 2})
    with pytest.raises(ProblemError, match=r"'31.2.2020' is not a date.*--text when"):
        load_file(written(table, tmp_path / "t.csv"), "y")


def test_a_second_file_has_the_order_of_the_first(tmp_path: Path) -> None:
    one = written(frame(DAYS.dt.strftime("%d/%m/%Y")), tmp_path / "one.csv")
    few = pd.DataFrame({"when": ["2/3/2024", "4/3/2024"], "a": [1, 2], "y": [0, 1]})
    problem = load_file(one, "y", test=written(few, tmp_path / "two.csv"))
    since = (pd.Timestamp("2024-03-02") - DAYS.min()).days
    assert problem.x_test[:, 4].tolist() == [since, since + 2]
    alone = read_columns(str(tmp_path / "two.csv"))
    assert alone.columns[0].remark == "2/3/2024 read as month/day/year"


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("1970-01-02", 1.0),
        ("1969-12-31T12:00", -0.5),
        ("1970-01-01T01:00+01:00", 0.0),
        ("1970-01-01 06:00:00Z", 0.25),
        ("2/1/1970", 1.0),
        ("02-Jan-70", 1.0),
        ("01.01.69", -365.0),
        ("Jan 2nd, 1970", 1.0),
        ("Jan-2-1970", 1.0),
        ("Feb 1970", 31.0),
        ("1970 Feb", 31.0),
        ("1970-March", 59.0),
        ("1970-03", 59.0),
        ("1970/12", 334.0),
        ("1970-99", None),
        ("1970-00", None),
        ("1970-3", None),
        ("12-03", None),
        ("4711-05", None),
        ("1970-02-30", None),
        ("1970-13-01", None),
        ("1.2.30", None),
        ("12", None),
        ("", None),
        ("1970-01-01 25:00", None),
        ("9" * 1000, None),
    ],
)
def test_days_are_counted_from_1970(text: str, days: float | None) -> None:
    assert day_of(text, day_first=True) == days


def test_hours_are_read_and_orders_found() -> None:
    assert hour_of("13:30") == 13.5
    assert hour_of("1:30 pm") == 13.5
    assert hour_of("12:00 am") == 0.0
    assert hour_of("13:30 pm") is None
    assert hour_of("7:75") is None
    assert day_comes_first(["3/4/2024", "25/4/2024"]) is True
    assert day_comes_first(["3/4/2024", "4/25/2024"]) is False
    assert day_comes_first(["25/4/2024", "4/25/2024"]) is None
    assert day_comes_first(["3.4.2024"]) is True


def test_months_that_look_like_seasons_are_dates_where_the_train_rows_have_dates(
    tmp_path: Path,
) -> None:
    """2010-11 and 2011-12 alone could be seasons; beside 2005-01 they are months."""
    months = pd.period_range("2005-01", periods=90, freq="M").astype(str)
    train = written(frame(months), tmp_path / "train.csv")
    other = written(frame(["2010-11", "2011-12"] * 45), tmp_path / "test.csv")
    problem = load_file(train, "y", test=str(other))
    first = pd.Timestamp("2005-01-01")
    days = [(pd.Timestamp(one) - first).days for one in ("2010-11-01", "2011-12-01")]
    at = problem.feature_names.index("when days")
    assert problem.x_test[:2, at].tolist() == days
