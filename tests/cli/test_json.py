"""Every JSON form against its schema in docs/json.md."""

from __future__ import annotations

import io
import json
import re
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest

from tests.cli.commandline import ROOT, call, check_refusal
from tui_gd import __version__

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = re.compile(r"^## (.+?)$.+?^```json\n(.+?)^```", re.MULTILINE | re.DOTALL)
SCHEMAS: dict[str, dict[str, Any]] = {
    title: json.loads(text) for title, text in BLOCK.findall((ROOT / "docs/json.md").read_text())
}
RUNS = {
    "classes": ("--seed", 3),
    "several classes": ("iris", "--seed", 3),
    "regression": ("plane", "--seed", 3),
    "surface": ("surface:himmelblau", "--seed", 3),
    "diverged": ("plane", "--no-standardize", "-a", "1e9", "--seed", 3),
    "rates": ("-a", "0.01,0.1", "--seed", 3),
    "validation": ("moons", "--validation-size", 0.2, "--seed", 3),
}
KINDS = pytest.mark.parametrize("kind", RUNS)


def check(title: str, document: object) -> None:
    """Compare with a schema, in which a field that it does not name is a fault."""
    schema = {**closed(SCHEMAS[title]), "$defs": {"problem": closed(SCHEMAS["A problem"])}}
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)
    assert isinstance(document, dict)
    assert document["version"] == __version__


def closed(schema: Any) -> Any:
    """The schema without fields beside those that its objects name."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(one) for key, one in schema.items()}
    whole = set(schema.get("properties", ())) >= set(schema.get("required", ())) != set()
    return inner | ({"additionalProperties": False} if whole and "type" in schema else {})


def test_a_race_by_validation_rows() -> None:
    words = ("race", "moons", "--seed", 3, "-e", 9, "--count", 5, "--validation-size", 0.2)
    check("A race", call(*words, "--json", "-").document)


@pytest.mark.parametrize("problem", ["moons", "plane"])
def test_folds(problem: str) -> None:
    words = ("run", problem, "--folds", 3, "-e", 5, "--json", "-", "--validation-size", 0.2)
    check("Folds", call(*words).document)
    words = ("race", problem, "--folds", 3, "-e", 5, "--count", 3, "--json", "-")
    check("A race", call(*words).document)


@KINDS
def test_a_run_and_what_is_exported_of_it(kind: str, tmp_path: Path) -> None:
    document = call("run", *RUNS[kind], "-e", 7, "--json", "-", "--quiet").document
    check("A run", document)
    listed = call("runs", "--json").document
    check("The kept runs", listed)
    assert len(listed["runs"]) == 1
    done = call("export", listed["runs"][0]["id"], "report", "weights", "--to", tmp_path)
    assert done.status == 0, done
    check("A report", json.loads((tmp_path / "report.json").read_text()))
    check("Weights", json.loads((tmp_path / "weights.json").read_text()))


def test_predictions_with_and_without_probabilities(tmp_path: Path) -> None:
    call("run", *RUNS["several classes"], "-e", 7, "--quiet")
    (run,) = call("runs", "--json").document["runs"]
    np.save(tmp_path / "x.npy", np.ones((3, 4)))
    for words in ((), ("--proba",)):
        document = call("predict", run["id"], tmp_path / "x.npy", "--json", *words).document
        check("Predictions", document)
        assert ("probabilities" in document) == bool(words)


@KINDS
def test_a_race(kind: str) -> None:
    words = ("race", *RUNS[kind], "-e", 5, "--json", "-", "--quiet")
    check("A race", call(*words).document)


@KINDS
def test_an_answer_is_an_object_in_a_line(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = ["step 2", "describe loss", "branch", "fly", "back", "lanes", "verdict", "report"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join([*commands, "# nothing", ""])))
    said = call("--plain", "--json", *RUNS[kind])
    answers = [json.loads(line, parse_constant=pytest.fail) for line in said.out.splitlines()]
    for answer in answers:
        check("An answer", answer)
    assert [answer["command"] for answer in answers] == [None, *commands]
    errors = {answer["command"]: answer["error"] for answer in answers if answer["error"]}
    assert errors.pop("fly") == "'fly' is no command: help lists them"
    assert "line 4: 'fly' is no command" in said.err
    assert said.status == 2
    plain = iter(answers[0]["lines"])
    assert "seed 3" in next(plain)
    assert f"epoch {answers[0]['status']['epoch']}/" in next(plain)


def test_the_numbers_of_an_answer_are_those_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("run 5\nalpha 0.03\n"))
    _, ran, changed = map(
        json.loads, call("--plain", "--json", "--seed", 3, "--no-store").out.splitlines()
    )
    document = call("run", "--seed", 3, "-e", 5, "--json", "-", "--no-store").document
    (lane,) = document["lanes"]
    assert ran["status"]["train_loss"] == lane["final_train_loss"]
    assert ran["status"]["test_loss"] == lane["final_test_loss"]
    right = lane["report"]["accuracy"] * ran["status"]["rows"]
    assert ran["status"]["right"] == pytest.approx(right)
    assert (ran["status"]["alpha"], changed["status"]["alpha"]) == (0.01, 0.03)


def test_a_lesson_answers_in_objects_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("next\nhint\nquit\n"))
    for line in call("lesson", "tour", "--plain", "--json").out.splitlines():
        check("An answer", json.loads(line))


def test_json_without_plain_is_refused() -> None:
    check_refusal(call("--json", "--no-store"), "--json goes with --plain")


def test_a_damaged_run_is_listed() -> None:
    from tui_gd.runs.store import Store

    call("run", "--seed", 3, "-e", 3, "--quiet")
    with Store() as store, store.transaction() as connection:
        connection.execute("UPDATE runs SET settings = 'no JSON'")
    document = call("runs", "--json").document
    check("The kept runs", document)
    assert (len(document["runs"]), len(document["damaged"])) == (0, 1)
