"""Rows that are read in parts make the problem that the same rows make in one piece."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from tests.making import Floats
from tests.problems.tabling import customers, written
from tui_gd.errors import ProblemError
from tui_gd.learning.engine import LocalEngine, Penalty
from tui_gd.learning.losses import make_loss
from tui_gd.learning.models import Model
from tui_gd.problems import Problem, input_file, machines, partitions, pieces
from tui_gd.problems.files import load_file, source_of
from tui_gd.problems.input_file import InputFile
from tui_gd.problems.machines import (
    KEPT,
    Rows,
    ThisMachine,
    array_fields,
    read_arrays,
    write_arrays,
)
from tui_gd.problems.partitions import Wanted, load_partitioned
from tui_gd.problems.pieces import Moments, Recipe, pieces_of, read_piece
from tui_gd.problems.reading import Reading
from tui_gd.problems.split import Preparation
from tui_gd.training.engines import PartitionedEngine, SectionSums
from tui_gd.training.trainer import Trainer

ROWS = 3000


def table_of(rows: int = ROWS) -> pd.DataFrame:
    """Numbers with gaps, text with rare ones, dates, an index without a name, and one value."""
    rng = np.random.default_rng(5)
    table = customers(rows)
    days = pd.to_timedelta(rng.integers(0, 800, rows), unit="D")
    table.insert(0, "Unnamed: 0", np.arange(rows))
    table["day"] = (pd.Timestamp("2020-01-01") + days).date
    table["same"] = "q"
    table.loc[rng.random(rows) < 0.1, "day"] = None
    return table


def load(
    pattern: str, how: Preparation, on: ThisMachine | None = None, target: str = "churn"
) -> Problem:
    drop = ("customer",) if target != "y" else ()
    wanted = Wanted(pattern, target, drop, None, how, Reading())
    return load_partitioned(wanted, on or ThisMachine())


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "TEXT_BYTES", 60_000)
    monkeypatch.setattr(input_file, "CHUNK", 20_000)
    monkeypatch.setattr(pieces, "PART_NUMBERS", 12_000)


def in_order(x: Floats) -> Floats:
    return x[np.lexsort(np.round(x, 5).T)]


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("target", ["churn", "last"])
@pytest.mark.parametrize("memory", [None, 1 << 30])
@pytest.mark.parametrize(
    ("form", "files"), [("csv", 3), ("csv", 1), ("parquet", 3), ("parquet", 1), ("feather", 2)]
)
def test_parts_make_the_problem_of_one_file(
    tmp_path: Path, form: str, files: int, memory: int | None, target: str
) -> None:
    table = table_of()
    whole = written(table, tmp_path / f"whole.{form}")
    for place, part in enumerate(np.array_split(np.arange(ROWS), files)):
        path = tmp_path / f"part-{place}.{form}"
        written(table.iloc[part].reset_index(drop=True), path)
        if form == "parquet":
            table.iloc[part].to_parquet(path, row_group_size=400, index=False)
    on = ThisMachine(memory, tmp_path / "kept")
    for standardize in (False, True):
        how = Preparation(test_size=0.3, standardize=standardize)
        one = load_file(whole, target, drop=("customer",), how=how)
        found = load(str(tmp_path / "part-*"), how, on, target)
        assert found.parts is not None
        assert len(found.parts.handles) > 1
        assert found.feature_names == one.feature_names
        assert found.class_names == one.class_names
        assert (found.task, found.target_name) == (one.task, one.target_name)
        assert found.about == one.about
        assert [h for h in one.hints if "in every row" not in h] == list(found.hints[:-1])
        for mine, theirs in zip(found.rules, one.rules, strict=True):
            assert (mine.column, mine.use, mine.text) == (theirs.column, theirs.use, theirs.text)
            numbers = (mine.fill or 0.0, mine.mean, mine.scale)
            wanted = (theirs.fill or 0.0, theirs.mean, theirs.scale)
            np.testing.assert_allclose(numbers, wanted, rtol=1e-10)
        for mine, theirs in ((found.x_train, one.x_train), (found.x_test, one.x_test)):
            np.testing.assert_allclose(in_order(mine), in_order(theirs), atol=1e-7)
        assert (found.train_rows, found.test_rows) == (len(one.y_train), len(one.y_test))
        if one.class_names:
            assert found.parts.class_counts == tuple(np.bincount(one.y_train))
            assert found.parts.test_counts == tuple(np.bincount(one.y_test))
        else:
            y, y_test = (np.asarray(y, np.float64) for y in (one.y_train, one.y_test))
            assert found.parts.target_mean == pytest.approx(y.mean(), rel=1e-13)
            spread = ((y_test - y_test.mean()) ** 2).sum()
            assert found.parts.test_moments == pytest.approx((y_test.mean(), spread), rel=1e-12)
    on.close()
    assert not any((tmp_path / "kept").glob("*")), "what was kept on disk is still there"


@pytest.mark.usefixtures("small_parts")
def test_rows_are_split_by_their_number_as_scikit_learn_splits_them(tmp_path: Path) -> None:
    rows = np.arange(5001)
    table = pd.DataFrame({"x": rows, "b": np.sin(rows), "y": np.cos(rows)})
    written(table, tmp_path / "one.csv")
    how = Preparation(test_size=0.37)
    wanted = Wanted(str(tmp_path / "o*e.csv"), "y", (), None, how, Reading())
    problem = load_partitioned(wanted, ThisMachine())
    train, test = train_test_split(rows, test_size=0.37, random_state=42)
    assert problem.x_train[:, 0].tolist() == sorted(train)
    assert problem.x_test[:, 0].tolist() == sorted(test)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize("memory", [None, 1 << 30])
def test_validation_rows_are_those_of_one_file(
    tmp_path: Path, memory: int | None, stratify: bool
) -> None:
    whole = written(table_of(), tmp_path / "whole.csv")
    on = ThisMachine(memory, tmp_path / "kept")
    how = Preparation(0.3, stratify=stratify, standardize=True, validation_size=0.25)
    one = load_file(whole, "churn", drop=("customer",), how=how)
    found = load(str(tmp_path / "wh*le.csv"), how, on)
    assert found.parts is not None
    assert found.validation_rows == len(one.y_validation) == 525
    for mine, theirs in (
        (found.x_train, one.x_train),
        (found.x_validation, one.x_validation),
        (found.x_test, one.x_test),
    ):
        np.testing.assert_allclose(in_order(mine), in_order(theirs), atol=1e-7)
    assert found.parts.class_counts == tuple(np.bincount(one.y_train))
    assert sum(np.bincount(found.y_validation) == np.bincount(one.y_validation)) == 2
    # all rows are in the sample: the same run, on one machine and in one piece
    options: dict[str, Any] = {"loss": "cross-entropy", "learning_rates": [0.1], "seed": 3}
    trainers = [Trainer(problem, **options) for problem in (found, found.sample)]
    for trainer in trainers:
        trainer.advance(20)
    np.testing.assert_allclose(*(one.validation_losses() for one in trainers), rtol=1e-12)
    np.testing.assert_allclose(*(one.weights for one in trainers), rtol=1e-12)
    on.close()


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("weights", [None, np.array([1.0, 3.0])])
@pytest.mark.parametrize("memory", [None, 1 << 30])
def test_a_mini_batch_of_parts_has_the_bits_of_the_same_rows_in_one_piece(
    tmp_path: Path, memory: int | None, weights: Floats | None
) -> None:
    written(table_of(), tmp_path / "whole.csv")
    on = ThisMachine(memory, tmp_path / "kept")
    found = load(str(tmp_path / "wh*le.csv"), Preparation(0.3), on)
    assert found.parts is not None
    assert len(found.parts.handles) > 3
    model, size = Model(found.features, 1, (3,)), np.dtype(np.float64)
    work = SectionSums(model, "cross-entropy", "binary", size, "train", weights)
    penalty = Penalty(l1=0.01, l2=0.1)
    parts = PartitionedEngine(model, found.parts, work, penalty=penalty)
    one = LocalEngine(
        model,
        make_loss("cross-entropy", "binary"),
        found.x_train,
        found.y_train,
        penalty=penalty,
        row_weights=None if weights is None else weights[found.y_train],
        part=True,
    )
    rng = np.random.default_rng(0)
    lanes = rng.standard_normal((2, model.parameters))
    for size_of_batch in (1, 7, 2100):
        rows = rng.permutation(found.train_rows)[:size_of_batch]
        for mine, theirs in zip(
            parts.loss_and_grad(lanes, rows), one.loss_and_grad(lanes, rows), strict=True
        ):
            assert mine.tobytes() == theirs.tobytes()
    on.close()


@pytest.mark.usefixtures("small_parts")
def test_parts_of_many_features_are_cut_again_and_give_the_same_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(table_of(), tmp_path / "whole.csv")
    how = Preparation(0.3, standardize=True)
    usual = load(str(tmp_path / "wh*le.csv"), how)
    monkeypatch.setattr(pieces, "ROWS_NUMBERS", 5000)
    monkeypatch.setattr(pieces, "BLOCK_NUMBERS", 700)
    found = load(str(tmp_path / "wh*le.csv"), how)
    assert usual.parts is not None
    assert found.parts is not None
    assert len(found.parts.handles) > len(usual.parts.handles)
    assert max(handle.x.size for handle in found.parts.handles) <= 5000
    assert found.parts.digests == usual.parts.digests
    np.testing.assert_allclose(found.x_train, usual.x_train, rtol=1e-12, atol=1e-12)
    assert found.x_train.shape == usual.x_train.shape
    assert found.y_test.tobytes() == usual.y_test.tobytes()


def rows_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the rows of every piece that is read from its file."""
    found: list[int] = []
    read = pieces.read_piece

    def counted(*arguments: Any) -> Any:
        made = read(*arguments)
        found.append(len(made.values))
        return made

    monkeypatch.setattr(pieces, "read_piece", counted)
    return found


@pytest.mark.usefixtures("small_parts")
def test_a_text_is_parsed_once_for_all_runs_that_keep_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(written(table_of(), tmp_path / "whole.csv"))
    directory, read = tmp_path / "kept", rows_read(monkeypatch)

    def loaded(run: str | None = None) -> Problem:
        on = ThisMachine(1 << 30, directory)
        problem = load(str(tmp_path / "wh*le.csv"), Preparation(standardize=True), on)
        if run is not None:
            on.keep(directory / KEPT / run)
        on.close()
        return problem

    loaded()
    assert not any(directory.iterdir()), "a run that is not kept leaves nothing"
    assert sum(read) == ROWS
    first = loaded("one")
    assert sum(read) == 2 * ROWS
    second = loaded("two")
    shutil.rmtree(directory / KEPT / "one")
    third = loaded("one")
    assert sum(read) == 2 * ROWS, "it was parsed again"
    assert first.parts is not None
    for again in (second, third):
        assert again.parts is not None
        assert again.parts.digests == first.parts.digests
        assert again.x_train.tobytes() == first.x_train.tobytes()
        assert (again.about, again.hints, again.rules) == (first.about, first.hints, first.rules)
    assert {one.name for one in directory.iterdir()} == {KEPT}
    # a damaged file is read again, and so is a text that has changed since
    shutil.rmtree(directory / KEPT / "two")
    damaged = sorted((directory / KEPT / "one").iterdir())[0]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    again = loaded("one")
    assert again.x_train.tobytes() == first.x_train.tobytes()
    assert 0 < sum(read) - 2 * ROWS < ROWS
    os.utime(path, ns=(1, 1))
    before = sum(read)
    assert loaded().x_train.tobytes() == first.x_train.tobytes()
    assert sum(read) - before == ROWS


def test_a_part_that_the_memory_cannot_hold_is_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machines, "RESIDENT_BYTES", 0)
    monkeypatch.setattr(machines, "PART_BYTES", 1 << 20)
    monkeypatch.setattr(partitions, "PART_BYTES", 1 << 20)
    monkeypatch.setattr(partitions, "SLACK_BYTES", 0)
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.standard_normal((60_000, 5)), columns=[*"abcdy"])
    table.to_parquet(tmp_path / "wide.parquet", index=False)
    table.to_csv(tmp_path / "wide.csv.gz", index=False)
    for name, message in (
        (
            "wide.parquet",
            r"--memory 2MB is too little for the program and the largest part of .*wide\.parquet,"
            r" which is read at once: give it 3MB or more",
        ),
        ("wide.csv.gz", r"wide\.csv\.gz, which is read at once: give it \d+MB or more"),
    ):
        with pytest.raises(ProblemError, match=message):
            load(str(tmp_path / name), Preparation(), ThisMachine(2_000_000, tmp_path / "k"), "y")
    assert not any((tmp_path / "k").glob("*"))
    # nothing says beforehand how long a packed text is: it is refused when it turns out to be
    monkeypatch.setattr(pieces, "UNPACKED", 0)
    with pytest.raises(ProblemError, match=r"a part of it takes more than the \d MB left for it"):
        load(str(tmp_path / "wide.csv.gz"), Preparation(), ThisMachine(2_000_000, tmp_path), "y")
    found = load(
        str(tmp_path / "wide.parquet"), Preparation(), ThisMachine(8_000_000, tmp_path), "y"
    )
    assert found.train_rows == 30_000


def test_moments_merge_as_those_of_all_rows() -> None:
    x = np.random.default_rng(0).normal([1e6, -3.0], [1e-3, 50.0], (1000, 2))
    total = Moments.of(x[:0])
    for part in (x[:7], x[7:8], x[8:8], x[8:600], x[600:]):
        total.merge(Moments.of(part))
    assert total.count == 1000
    np.testing.assert_allclose(total.means, x.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(total.squares, x.var(axis=0) * 1000, rtol=1e-7)


@pytest.mark.usefixtures("small_parts")
def test_a_median_of_very_many_values_is_off_by_half_a_bin_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = table_of()[["n2", "n1", "churn"]]
    written(table, tmp_path / "a.csv")
    how = Preparation()
    wanted = Wanted(str(tmp_path / "*.csv"), "churn", (), None, how, Reading())
    exact = load_partitioned(wanted, ThisMachine()).rules
    monkeypatch.setattr(partitions, "EXACT_MEDIAN", 10)
    found = load_partitioned(wanted, ThisMachine()).rules
    bin_width = (table["n2"].max() - table["n2"].min()) / pieces.BINS
    fills = [[rule.fill for rule in rules if rule.fill is not None] for rules in (found, exact)]
    assert len(fills[0]) == 2
    assert fills[0] != fills[1]
    # of an even number the median is between two values, which lie within some bins
    assert max(abs(a - b) for a, b in zip(*fills, strict=True)) < 30 * bin_width


def test_arrays_come_back_from_disk_without_a_copy(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    wanted = Rows(rng.standard_normal((100, 3)), rng.integers(0, 3, 100).astype(np.int8), 60)
    write_arrays(tmp_path / "a.arrow", array_fields(wanted))
    found = replace(wanted, **read_arrays(tmp_path / "a.arrow"))
    for half in ("train", "test"):
        for mine, theirs in zip(found.half(half), wanted.half(half), strict=True):
            assert mine.dtype == theirs.dtype
            assert mine.tobytes() == theirs.tobytes()
    assert not found.x.flags.owndata


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("a,b,y\n1,x,0\n2,1.5,1\n", None),
        ("a,y\n1,0\n2,1\n", "p1.csv: has no column 'b', as the first file has; add it"),
        ("a,b,y\n1,2,0\n2,1\n", "p1.csv: row 2 (line 3) has 2 values, not 3"),
        ("a,b,y\n1,2,0\n2,1,\n", "row 2 (line 3), column 'y': the target is missing"),
    ],
)
def test_a_file_that_differs_is_refused_or_read_as_one_file_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: str, message: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p0.csv").write_text("a,b,y\n" + "".join(f"{i},{i % 7},{i % 2}\n" for i in range(30)))
    Path("p1.csv").write_text(second)
    wanted = Wanted("p*.csv", "y", (), None, Preparation(), Reading())
    if message is None:  # a text among numbers: the column is text in all files
        found = load_partitioned(wanted, ThisMachine())
        assert {rule.use for rule in found.rules if rule.column == "b"} <= {"text", "rare"}
        return
    with pytest.raises(ProblemError) as refused:
        load_partitioned(wanted, ThisMachine())
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_pattern_without_files_and_too_little_memory_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="no file has such a name"):
        load(str(tmp_path / "q*.csv"), Preparation())
    with pytest.raises(ProblemError, match=r"100MB is too little for .* one part: give it 682MB"):
        ThisMachine(100_000_000, tmp_path)


def test_a_footer_is_left_out_wherever_a_text_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "TEXT_BYTES", 900)
    monkeypatch.setattr(input_file, "CHUNK", 900)
    path, reading = str(tmp_path / "t.csv"), Reading(skip_footer=3)
    cut = 0
    for rows in range(440, 480):
        Path(path).write_text("a,y\n" + "1.5,0\n" * rows + "a note\n" * 3)
        source = source_of(InputFile(path), "delimited", reading)
        kinds = tuple((one.name, one.kind) for one in source.fields)
        recipe = Recipe(reading, ("a", "y"), kinds)
        parts = pieces_of(path, "delimited", source, False)
        cut = max(cut, len(parts))
        assert sum(len(read_piece(part, recipe).values) for part in parts) == rows
    assert cut > 1


@pytest.mark.usefixtures("small_parts")
def test_a_text_in_utf_16_is_one_part_as_its_mark_says(tmp_path: Path) -> None:
    text = table_of().to_csv(index=False)
    parts = []
    for name, encoding in (("utf8.csv", "utf-8"), ("utf16.csv", "utf-16")):
        path = tmp_path / name
        path.write_text(text, encoding=encoding)
        source = source_of(InputFile(str(path)), "delimited", Reading())
        parts.append(len(pieces_of(str(path), "delimited", source, False)))
        assert load(str(path), Preparation()).x_train.shape[0] == ROWS // 2
    assert parts[0] > 1
    assert parts[1] == 1


REMARKS = "# a remark of a program\n" * 300


@pytest.mark.parametrize(
    ("above", "between", "below"),
    [(REMARKS, "", ""), ("\n" * 8000, "", ""), ("", REMARKS, REMARKS)],
)
def test_comments_may_fill_several_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, above: str, between: str, below: str
) -> None:
    monkeypatch.setattr(pieces, "TEXT_BYTES", 2000)
    monkeypatch.setattr(input_file, "CHUNK", 700)
    table = pd.DataFrame({"a": np.arange(900.0) * 3 % 7, "y": np.arange(900) % 2})
    rows = table.to_csv(index=False).splitlines(keepends=True)
    (tmp_path / "t.csv").write_text(
        above + "".join(rows[:400]) + between + "".join(rows[400:]) + below
    )
    wanted = Wanted(str(tmp_path / "t.csv"), "y", (), None, Preparation(), Reading(comment="#"))
    problem = load_partitioned(wanted, ThisMachine())
    assert problem.parts is not None
    assert len(problem.parts.handles) > 2
    _, test = train_test_split(table, test_size=0.5, random_state=42)
    assert (problem.train_rows, problem.test_rows) == (450, 450)
    assert problem.feature_names == ("a",)
    assert problem.parts.test_counts == tuple(np.bincount(test["y"]))
    assert in_order(problem.x_test)[:, 0].tolist() == sorted(test["a"])


SCRIPT = """
import resource, sys
from tui_gd.problems import pieces
from tui_gd.__main__ import run
pieces.TEXT_BYTES = 1 << 21
if sys.argv[1] != "0":
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
status = run(sys.argv[2:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmPeak"))
print("VmPeak", peak.split()[1])
sys.exit(status)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_a_table_larger_than_the_memory_it_may_take_is_trained_on(tmp_path: Path) -> None:
    """The rows alone are 240 MB of numbers; 160 MB are allowed beyond what a few rows take."""
    digits = np.random.default_rng(0).integers(0, 10, (40_000, 25)).astype(str)
    block = "\n".join(map(",".join, digits.tolist())) + "\n"
    names = ",".join([*(f"x{i}" for i in range(24)), "y"]) + "\n"
    (tmp_path / "few.csv").write_text(names + block)
    with open(tmp_path / "tall.csv", "w") as file:
        file.write(names)
        for _ in range(30):
            file.write(block)
    environment = {**os.environ, "GD_TUI_DATA": str(tmp_path / "data"), "MALLOC_ARENA_MAX": "2"}

    def train(limit: int, *words: str) -> subprocess.CompletedProcess[str]:
        options = ["--target", "y", "--task", "regression", "-e", "2", "-a", "0.1", "--no-store"]
        return subprocess.run(
            [sys.executable, "-c", SCRIPT, str(limit), "run", *words, *options],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            timeout=300,
        )

    few = train(0, str(tmp_path / "few.csv"), "--memory", "700MB")
    assert few.returncode == 0, few.stderr
    limit = 1024 * int(few.stdout.split()[-1]) + 160_000_000
    held = train(limit, str(tmp_path / "tall.csv"))
    assert held.returncode != 0, "the limit would hold all rows"
    found = train(limit, str(tmp_path / "tall.csv"), "--memory", "700MB")
    assert found.returncode == 0, found.stderr
    assert "600,000 train rows and 600,000 test rows" in found.stderr
