"""A table that has to be asked about: the roles of its columns, and what helps to read it.

A role is what the options `--target`, `--drop`, `--number` and `--text` say of a column, so a
choice only changes settings. An error about a file carries the ways out of it; here each of them
becomes an offer.
"""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from tui_gd.errors import Fault, ProblemError, TargetMissing, Way
from tui_gd.problems.input_file import files_of, names_file, shown_path
from tui_gd.problems.problem import ColumnLook, FirstRows
from tui_gd.problems.text import safe_text, whole_number
from tui_gd.session.options import Option, options_of
from tui_gd.session.settings import RunSettings

OF_COLUMNS = ("target", "drop", "number", "text")
"""The settings that say what a column is for."""


class Role(StrEnum):
    """What a column is for; the value is the word for it."""

    USUAL = "as found"
    NUMBER = "number"
    TEXT = "text"
    DROP = "left out"
    TARGET = "target"


REFUSED = "refused"
_OPTION_OF = {Role.NUMBER: "number", Role.TEXT: "text", Role.DROP: "drop"}
_BECOMES = {
    "number": "number",
    "yes/no": "0 or 1",
    "text": "text",
    "date": "date parts",
    "time": "hours",
    "nested": REFUSED,
}
"""The role of a column that nobody has given one, by its kind."""
_AS = {
    Role.USUAL: "as found",
    Role.NUMBER: "as a number",
    Role.TEXT: "as text",
    Role.DROP: "left out",
    Role.TARGET: "as the target",
}
_MEANINGS = {
    "number": "one feature",
    "0 or 1": "one feature",
    "text": "a feature for each of its texts",
    "date parts": "features for year, month, day of the week and days",
    "hours": "one feature, hours since midnight",
    "left out": "not read",
    "target": "what is learned",
}


# Roles, as settings state them


@dataclass(frozen=True)
class Columns:
    """The columns of a table; none if it could not be read yet."""

    looks: tuple[ColumnLook, ...] = ()

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of every column by its name, from 0."""
        return {look.name: place for place, look in enumerate(self.looks)}

    def named(self, given: str) -> str | None:
        """Return the column that is given by its name or its number from 1, None if there is none.

        If no columns are known, every name is accepted.
        """
        given = given.strip()
        if given in self.places or not self.looks:
            return given
        number = whole_number(given, 1, len(self.looks))
        return None if number is None else self.looks[number - 1].name

    def reference(self, name: str) -> str:
        """Return how an option refers to a column: by its name, or its number if that is safer."""
        plain = "," not in name and name == name.strip()
        return name if plain or name not in self.places else str(self.places[name] + 1)

    def look(self, name: str) -> ColumnLook:
        """Return what is known of a column."""
        return self.looks[self.places[name]] if name in self.places else ColumnLook(name)

    def roles(self, settings: RunSettings) -> dict[str, Role]:
        """Return the roles that settings give to columns; a column without one is read as found."""
        roles = {}
        for role, option in _OPTION_OF.items():
            for one in getattr(settings, option):
                if (name := self.named(one)) is not None:
                    roles[name] = role
        if (target := self.target(settings)) is not None:
            roles[target] = Role.TARGET
        return roles

    def target(self, settings: RunSettings) -> str | None:
        """Return the target that settings name, if there is such a column."""
        return None if settings.target is None else self.named(settings.target)

    def with_role(self, settings: RunSettings, name: str, role: Role) -> RunSettings:
        """Return the settings with another role of one column."""
        changes: dict[str, Any] = {
            option: tuple(one for one in getattr(settings, option) if self.named(one) != name)
            for option in _OPTION_OF.values()
        }
        if self.target(settings) == name:
            changes["target"] = None
        if role is Role.TARGET:
            changes["target"] = self.reference(name)
        elif role in _OPTION_OF:
            changes[_OPTION_OF[role]] += (self.reference(name),)
        return replace(settings, **changes)


def changed_roles(
    columns: Columns, before: RunSettings, after: RunSettings
) -> tuple[list[str], list[str]]:
    """Return, of all columns whose role has changed, their roles before and after in words."""
    old, new = columns.roles(before), columns.roles(after)
    names = [
        name
        for name in columns.places
        if old.get(name, Role.USUAL) is not new.get(name, Role.USUAL)
    ]
    return [_in_words(one, old) for one in names], [_in_words(one, new) for one in names]


def _in_words(name: str, roles: dict[str, Role]) -> str:
    role = roles.get(name, Role.USUAL)
    return f"{name} {_AS[role]}"


def roles_for(look: ColumnLook) -> tuple[Role, ...]:
    """Return the roles that a column may have, in the order in which keys step through them."""
    roles = [Role.USUAL]
    if look.kind == "text" or (look.kind == "number" and look.left_out):
        roles.append(Role.NUMBER)
    if look.kind not in {"nested", "text"} or (look.kind == "text" and look.fault):
        roles.append(Role.TEXT)
    roles.append(Role.DROP)
    if look.kind not in {"nested", "date", "time"}:
        roles.append(Role.TARGET)
    return tuple(roles)


def becomes(look: ColumnLook, role: Role, dates: str) -> str:
    """Return the word for what a column becomes in its role."""
    if role is not Role.USUAL:
        return role.value
    if look.fault or (look.kind in {"date", "time"} and dates == "refuse"):
        return REFUSED
    if look.left_out or (look.kind in {"date", "time"} and dates == "drop"):
        return Role.DROP.value
    return _BECOMES.get(look.kind, "")


def look_in_words(look: ColumnLook, role: Role, dates: str) -> str:
    """Return what is known of a column, and what becomes of it, in one line."""
    parts = [look.kind] if look.kind else []
    if look.values is not None:
        parts.append(f"{look.values:,} value{'s' * (look.values != 1)}")
        parts.append(f"{look.gaps:,} gap{'s' * (look.gaps != 1)}")
    if look.example:
        parts.append(f"as {look.example}")
    word = becomes(look, role, dates)
    meaning = _MEANINGS.get(word, "")
    if role is Role.USUAL:
        meaning = look.fault or look.left_out or meaning
    if word == REFUSED and not meaning:
        meaning = "--dates refuse"
    known = f"{safe_text(look.name, None)}: {', '.join(parts)}" if parts else look.name
    return known + (f"; {word}" if word else "") + (f": {meaning}" if meaning else "")


# Offers


@dataclass(frozen=True)
class Offer:
    """One thing that may help: in words, as options, and the settings with it.

    `ask` is the option whose value a person types first. Without either, `leads` says what to
    choose: another target in the list of columns, or another file.
    """

    words: str
    typed: str = ""
    settings: RunSettings | None = None
    ask: Option | None = None
    leads: Literal["", "target", "file"] = ""


OTHER_TARGET = Offer("choose another target", leads="target")
OTHER_FILE = Offer("open another file", leads="file")


_WORDS: dict[str, Callable[[Any], str]] = {
    "drop": lambda value: f"leave {value} out",
    "text": lambda value: f"read {value} as text",
    "number": lambda value: f"read {value} as numbers, without signs and units",
    "missing": lambda value: f"take {value} for a missing value",
    "skip_missing_target": lambda _: "skip the rows without a target",
    "header": lambda value: f"take the first line {'as names' if value else 'as a row'}",
    "comment": lambda value: f"leave out lines that begin with {value}",
    "skip_rows": lambda value: f"leave out the first {value} lines".replace(" 1 lines", " line"),
    "skip_footer": lambda value: f"leave out the last {value} lines".replace(" 1 lines", " line"),
    "encoding": lambda value: f"read the text as {value}",
    "sep": lambda value: f"separate the fields at {value}",
    "decimal": lambda value: f"read numbers with a decimal {value}",
    "thousands": lambda value: f"read numbers with a {value} between thousands",
    "dates": lambda _: "make features of dates: year, month, day of the week, days",
}
_LISTED = 5


def offers_for(
    ways: Sequence[Way], about: str | None, settings: RunSettings, columns: Columns
) -> list[Offer]:
    """Return what may be done about an error with these ways out, which is `about` a column.

    The ways come first: with their values, without options that are given already, or with a value
    that a person types. Then the column may be left out or read as text, or another target be
    chosen.
    """
    offers = [*_unknown(settings, columns), *_named_offers(ways, settings, columns)]
    column = None if about is None else columns.named(about)
    roles, target = columns.roles(settings), columns.target(settings)
    become = {
        one.name: becomes(one, roles.get(one.name, Role.USUAL), settings.dates)
        for one in columns.looks
    }
    nothing_left = not set(become.values()) - {Role.DROP.value, Role.TARGET.value}
    if column == target is not None or (columns.looks and nothing_left):
        return _different([*offers, OTHER_TARGET], settings)
    if column is None:
        return _different(offers, settings)
    look = columns.look(column)
    if settings.dates == "refuse" and look.kind in {"date", "time"}:
        offers.insert(
            0, _offer(replace(settings, dates="features"), [("dates", "features")], columns)
        )
    refused = [name for name, word in become.items() if word == REFUSED]
    if len(refused) > 1 and column in refused:
        every = replace(settings, drop=(*settings.drop, *map(columns.reference, refused)))
        names = ", ".join(refused[:_LISTED]) + (", ..." if len(refused) > _LISTED else "")
        offers.append(Offer(f"leave out all {len(refused)} that are refused: {names}", "", every))
    for role in (Role.DROP, Role.TEXT):
        if role is Role.DROP or role in roles_for(look):
            used = [(_OPTION_OF[role], (column,))]
            offers.append(_offer(columns.with_role(settings, column, role), used, columns))
    return _different(offers, settings)


def _unknown(settings: RunSettings, columns: Columns) -> Iterator[Offer]:
    """Yield an offer for every option that names a column which is not there."""
    if settings.target is not None and columns.target(settings) is None:
        yield OTHER_TARGET
    for option in _OPTION_OF.values():
        given = getattr(settings, option)
        known = tuple(one for one in given if columns.named(one) is not None)
        if known != given:
            wrong = ", ".join(one for one in given if one not in known)
            changes: dict[str, Any] = {option: known}
            without = replace(settings, **changes)
            yield Offer(f"read it without --{option} {wrong}", "", without)


def _named_offers(ways: Sequence[Way], settings: RunSettings, columns: Columns) -> Iterator[Offer]:
    """Yield an offer for every way; one for each of its options that a person types or drops."""
    options, given = options_of(settings), settings.given()
    for one in ways:
        changed, used = settings, list[tuple[str, Any]]()
        for name, told in one:
            if name not in options:
                continue
            value = told
            if name in OF_COLUMNS and told is not None:
                column = columns.named(told)
                value = None if column is None else (column,)
            if name in given and (value is None or value == given[name]):
                without = replace(settings, **{name: options[name].default})
                yield Offer(f"read it without {options[name].flag}", "", without)
            elif value is not None:
                changed = _with_value(changed, columns, name, value)
                used.append((name, value))
            elif name not in OF_COLUMNS:
                yield Offer(
                    f"type {options[name].flag}: {options[name].help}", "", ask=options[name]
                )
        if used:
            yield _offer(changed, used, columns)


def _with_value(settings: RunSettings, columns: Columns, name: str, value: Any) -> RunSettings:
    """Return the settings with an option's value: added to those that it has, or instead."""
    role = next((role for role, option in _OPTION_OF.items() if option == name), None)
    if role is not None:
        if columns.target(settings) != value[0]:
            return columns.with_role(settings, value[0], role)
        value = tuple(map(columns.reference, value))
    if isinstance(value, tuple):
        value = (*getattr(settings, name), *value)
    return replace(settings, **{name: value})


def _offer(settings: RunSettings, used: Sequence[tuple[str, Any]], columns: Columns) -> Offer:
    words, typed, options = [], [], options_of(settings)
    for name, value in used:
        shown = ", ".join(value) if isinstance(value, tuple) else value
        flag = options[name].flag
        words.append(_WORDS[name](shown) if name in _WORDS else f"{flag} {shown}")
        if isinstance(value, bool):
            typed.append(flag if value else f"--no-{flag[2:]}")
        else:
            given = value if isinstance(value, tuple) else (str(value),)
            given = tuple(map(columns.reference, given)) if name in OF_COLUMNS else given
            typed.append(f"{flag} {shlex.quote(','.join(given))}")
    return Offer(", and ".join(words), " ".join(typed), settings)


def _different(offers: Sequence[Offer], settings: RunSettings) -> list[Offer]:
    """Return the offers that change something, each once."""
    kept: list[Offer] = []
    for one in offers:
        does = one.settings, one.ask, one.leads
        known = any(does == (other.settings, other.ask, other.leads) for other in kept)
        if one.settings != settings and not known:
            kept.append(one)
    return kept


# What is asked about a table


@dataclass(frozen=True)
class Asked:
    """A table that needs an answer: why it cannot be read as it is, and what its rows show.

    `message` is the error as the command line prints it, empty if a person opens the page.
    `needs_target` says that only the target is missing; `in_run`, that a run is on the screen.
    `before` are the settings before a choice that did not help. `ways` and `about` are the ways out
    and the column of the error.
    """

    settings: RunSettings
    message: str = ""
    look: FirstRows = field(default_factory=FirstRows)
    needs_target: bool = False
    in_run: bool = False
    before: RunSettings | None = None
    ways: tuple[Way, ...] = ()
    about: str | None = None

    @property
    def file(self) -> str:
        """The file's name, as messages show it."""
        return safe_text(Path(self.settings.problem).name, None)

    @cached_property
    def reason(self) -> str:
        """The message without the path of the file, which is in the title."""
        if self.needs_target:
            return ""
        with suppress(ProblemError):
            for path in files_of(self.settings.problem):
                shown = f"{shown_path(path)}: "
                if self.message.startswith(shown):
                    return self.message[len(shown) :].replace(": gd-tui data says why", "")
        return self.message

    @cached_property
    def columns(self) -> Columns:
        """The columns of the table."""
        return Columns(self.look.columns)

    @cached_property
    def offers(self) -> list[Offer]:
        """What may be done about it."""
        ways = list(self.ways)
        if not self.reason:
            ways = [
                one for said in self.look.remarks if isinstance(said, Fault) for one in said.ways
            ]
        offers = offers_for(ways, self.about, self.settings, self.columns)
        if self.reason and self.before not in {None, self.settings}:
            assert self.before is not None
            if not offers and self.before.target != self.settings.target:
                offers.append(OTHER_TARGET)
            offers.append(Offer("take the last choice back", settings=self.before))
        return [*offers, OTHER_FILE] if self.in_run and self.reason else offers


def asked_about(
    settings: RunSettings, error: ProblemError, earlier: Asked | None = None, *, in_run: bool
) -> Asked | None:
    """Return what to ask about a file that cannot be read as it is; None if nothing would help.

    `earlier` is what was asked before and led to these settings. It reads the first rows of a
    table.
    """
    if not names_file(settings.problem):
        return None
    look = FirstRows()
    with suppress(ProblemError):
        look = first_rows(settings)
    needs_target = isinstance(error, TargetMissing)
    if isinstance(error, TargetMissing) and not look.columns:
        look = FirstRows(tuple(ColumnLook(name) for name in error.columns))
    if earlier is not None and not look.columns:
        look = earlier.look
    before = earlier.settings if earlier else None
    ways, about = error.ways, error.column
    asked = Asked(settings, str(error), look, needs_target, in_run, before, ways, about)
    return asked if needs_target or asked.offers else None


def first_rows(settings: RunSettings) -> FirstRows:
    """Return what the first rows of the settings' table show; `ProblemError` if it is no table."""
    from tui_gd.problems.files import look_into

    return look_into(files_of(settings.problem)[0], settings.reading)
