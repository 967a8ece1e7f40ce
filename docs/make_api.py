"""Write docs/api.md from the docstrings of the public names.

python docs/make_api.py           writes it
python docs/make_api.py --check   status 1 if it is not as it would be written
"""

import ast
import dataclasses
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import tui_gd

FILE = Path(__file__).with_name("api.md")
HEAD = """\
# Python

Made by `python docs/make_api.py` from the docstrings. The arithmetic is the interface's, without
thread or screen. Faults of the data are `tui_gd.errors.ProblemError`, in one line.
"""
UNDERLINE = re.compile(r"^([A-Z][a-z]+)\n-{3,}$", re.MULTILINE)
LONGEST = 88
EXAMPLE = re.compile(r"(?:^>>> .*\n?(?:^(?!\s*$|>>> ).+\n?)*)+", re.MULTILINE)


def text() -> str:
    """Return the page."""
    names = [name for name in tui_gd.__all__ if not name.startswith("_")]
    parts = [HEAD]
    for name in sorted(names, key=lambda name: (name[0].isupper(), "Gradient" in name, name)):
        public = getattr(tui_gd, name)
        parts += class_parts(public) if inspect.isclass(public) else function_parts(public, name)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip("\n") + "\n"


def class_parts(public: type) -> Iterator[str]:
    """Yield the parts of a class: itself, then its public methods and properties by name."""
    yield f"## {public.__name__}\n"
    fields = fields_of(public)
    yield (
        call_of(public.__name__, fields) if fields else signature(public.__init__, public.__name__)
    )
    yield markdown(inspect.getdoc(public))
    for name, member in members(public):
        if isinstance(member, property):
            yield f"### {public.__name__}.{name}\n"
            yield markdown(inspect.getdoc(member))
        else:
            yield from function_parts(member, f"{public.__name__}.{name}", "###")


def members(public: type) -> list[tuple[str, object]]:
    """Return what this package adds to a class, in the order in which it is written."""
    found = {}
    for base in reversed(public.__mro__):
        if base.__module__.startswith("tui_gd"):
            found |= vars(base)
    return [
        (name, getattr(member, "fn", member))  # scikit-learn's methods that only some have
        for name, member in found.items()
        if not name.startswith("_")
        and (inspect.isfunction(getattr(member, "fn", member)) or isinstance(member, property))
        and inspect.getdoc(member)
    ]


def function_parts(function: Callable[..., object], name: str, mark: str = "##") -> list[str]:
    """Return the parts of a function."""
    call = signature(function, name.rpartition(".")[2])
    return [f"{mark} {name}\n", call, markdown(inspect.getdoc(function))]


def signature(function: Callable[..., object], name: str) -> str:
    """Return how a function is called as it is written, one argument a line where it is long."""
    (written,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(written, ast.FunctionDef)
    arguments = [one for one in arguments_of(written.args) if one != "self"]
    returned = f" -> {ast.unparse(written.returns)}" if written.returns else ""
    return call_of(name, arguments, returned.replace(" -> None", ""))


def call_of(name: str, arguments: list[str], returned: str = "") -> str:
    """Return a call in a fence, one argument a line where it is long."""
    call = f"{name}({', '.join(arguments)}){returned}"
    if len(call) > LONGEST:
        call = "\n".join([f"{name}(", *(f"    {one}," for one in arguments), f"){returned}"])
    return f"```python\n{call}\n```\n"


def fields_of(public: type) -> list[str]:
    """Return the fields of a dataclass with `kw_only` as they are written; [] of other classes."""
    if not dataclasses.is_dataclass(public):
        return []
    names, found = {one.name for one in dataclasses.fields(public)}, {}
    for base in reversed(public.__mro__):
        if "__dataclass_fields__" in vars(base):
            (written,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            assert isinstance(written, ast.ClassDef)
            for line in written.body:
                if isinstance(line, ast.AnnAssign) and ast.unparse(line.target) in names:
                    found[ast.unparse(line.target)] = ast.unparse(line)
    return ["*", *found.values()]


def arguments_of(written: ast.arguments) -> list[str]:
    """Return the arguments of a function as they are written."""
    first = len(written.args) - len(written.defaults)
    found = [
        argument(one, None if at < first else written.defaults[at - first])
        for at, one in enumerate(written.args)
    ]
    if written.kwonlyargs:
        found.append("*")
    return found + list(map(argument, written.kwonlyargs, written.kw_defaults))


def argument(written: ast.arg, default: ast.expr | None) -> str:
    """Return an argument with its type and its default."""
    text = ast.unparse(written)
    if default is None:
        return text
    return f"{text}{' = ' if written.annotation else '='}{ast.unparse(default)}"


def markdown(docstring: str | None) -> str:
    """Return a docstring as Markdown: its sections bold, its examples in fences."""
    found = UNDERLINE.sub(r"**\1**\n", docstring or "")
    return EXAMPLE.sub(lambda example: f"```pycon\n{example[0].rstrip()}\n```\n", found) + "\n"


def write(page: Path, text: str) -> int:
    """Write a page, or with `--check` look whether it is as it would be written."""
    if "--check" not in sys.argv[1:]:
        page.write_text(text, encoding="utf-8")
    elif page.read_text(encoding="utf-8") != text:
        print(f"{page.name} is stale: python docs/{Path(sys.argv[0]).name}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(write(FILE, text()))
