"""The harness itself: it must see what a terminal would, and what a program leaves behind."""

import signal
from pathlib import Path

import pytest
from PIL import Image

from tests.terminal import session
from tests.terminal.glyphs import boxes
from tests.terminal.keys import sequence
from tests.terminal.picture import write_png
from tests.terminal.screen import Cell, Screen
from tests.terminal.session import Terminal


def screen_after(*pieces: bytes) -> tuple[Screen, list[bytes]]:
    answers: list[bytes] = []
    screen = Screen(20, 4, answers.append)
    for piece in pieces:
        screen.feed(piece)
    return screen, answers


def test_a_sequence_may_be_cut_anywhere() -> None:
    data = "\x1b[?1049h\x1b]0;tïtle\x07\x1b[2;3H\x1b[38;2;1;2;3mα⣿\x1b[0m\x1bP1$r0m\x1b\\!".encode()
    whole, _ = screen_after(data)
    pieces, _ = screen_after(*(data[i : i + 1] for i in range(len(data))))
    assert whole.text() == pieces.text() == "\n  α⣿!\n\n"
    assert whole.cells()[1][2].foreground == pieces.cells()[1][2].foreground == "010203"
    assert whole.title == "tïtle"


def test_private_sequences_do_not_reach_the_screen() -> None:
    screen, _ = screen_after(b"\x1b[>4;1m\x1b[>1u\x1b[?2026$p\x1b[=5;1ua\x1b[<ub\x1b[!pc")
    assert screen.line(0) == "abc"
    assert screen.cells()[0][0] == Cell("a", "default", "default", False, False, False, False)


def test_colours_are_kept_as_they_were_asked_for() -> None:
    screen, _ = screen_after(b"\x1b[31;105mA\x1b[38;5;196;48:2::1:2:3mB\x1b[7;1mC")
    a, b, c = screen.cells()[0][:3]
    assert (a.foreground, a.background) == ("red", "brightmagenta")
    assert (b.foreground, b.background) == ("ff0000", "010203")
    assert (c.bold, c.reverse) == (True, True)


def test_queries_are_answered_as_by_a_terminal() -> None:
    _, answers = screen_after(
        b"ab\x1b[6n\x1b[c\x1b[?2026$p\x1b[?2048$p\x1b[?2026h\x1b[?2026$p\x1b[5n"
    )
    assert answers == [
        b"\x1b[1;3R",
        b"\x1b[?62;c",
        b"\x1b[?2026;2$y",
        b"\x1b[?2048;0$y",
        b"\x1b[?2026;1$y",
        b"\x1b[0n",
    ]


def test_the_normal_screen_is_back_after_the_alternate_one() -> None:
    screen, _ = screen_after(b"before\r\n\x1b[?1049h\x1b[2J\x1b[Hinside")
    assert screen.text() == "inside\n\n\n"
    assert screen.leftovers() == ["alternate screen on"]
    screen.feed(b"\x1b[?1049lafter\r\n1\r\n2\r\n3")
    assert screen.text() == "after\n1\n2\n3"
    assert screen.scrollback() == "before\nafter\n1\n2\n3"
    assert screen.leftovers() == []


@pytest.mark.parametrize(
    ("data", "left"),
    [
        (b"\x1b[?1003h", "mouse motion on"),
        (b"\x1b[?25l", "visible cursor off"),
        (b"\x1b[?2004h", "bracketed paste on"),
        (b"\x1b[>1u", "kitty keyboard protocol on"),
        (b"\x1b=", "application keypad on"),
        (b"\x1b[2;3r", "scrolling region set"),
    ],
)
def test_what_is_left_behind_is_named(data: bytes, left: str) -> None:
    screen, _ = screen_after(data)
    assert screen.leftovers() == [left]


def test_a_program_has_a_terminal_of_the_given_size_and_an_empty_home() -> None:
    script = "stty size; tty >/dev/null && echo tty; ls -A ~ | wc -l; : </dev/tty && echo mine"
    with Terminal(["sh", "-c", script], columns=91, rows=17) as terminal:
        assert terminal.wait_for_exit() == 0
        assert terminal.text().split() == ["17", "91", "tty", "0", "mine"]
        assert terminal.restored()


def test_settings_of_the_terminal_left_changed_are_noticed() -> None:
    with Terminal(["sh", "-c", "stty -echo; printf '\\033[?1049hx'; exit 3"]) as terminal:
        assert terminal.wait_for_exit() == 3
        assert terminal.leftovers() == ["alternate screen on", "termios local settings"]


def test_keys_resize_and_signals_reach_the_program() -> None:
    script = (
        "trap 'stty size; echo' WINCH; trap 'exit 7' TERM; echo go; "
        "while :; do read x; echo [$x]; done"
    )
    with Terminal(["bash", "-c", script]) as terminal:
        terminal.wait_for("go")
        terminal.press("h", "i", "enter")
        terminal.wait_for(r"\[hi\]")
        terminal.resize(100, 30)
        terminal.press("enter")
        terminal.wait_for("30 100")
        terminal.signal(signal.SIGTERM)
        terminal.press("enter")
        assert terminal.wait_for_exit() == 7


def test_a_wait_in_vain_says_what_was_on_the_screen() -> None:
    with (
        Terminal(["sh", "-c", "echo something else; cat"]) as terminal,
        pytest.raises(AssertionError, match=r"(?s)not seen within 0.3 s: 'wanted'.*something else"),
    ):
        terminal.wait_for("wanted", timeout=0.3)


def test_a_wait_ends_when_the_program_has_ended() -> None:
    with (
        Terminal(["sh", "-c", "echo gone; exit 5"]) as terminal,
        pytest.raises(AssertionError, match=r"(?s)its end with status 5.*gone"),
    ):
        terminal.wait_for("wanted", timeout=1000)


def test_keys_are_what_xterm_sends() -> None:
    assert [sequence(key) for key in ("a", "ctrl+c", "f5", "left", "escape")] == [
        "a",
        "\x03",
        "\x1b[15~",
        "\x1b[D",
        "\x1b",
    ]
    with pytest.raises(ValueError, match="no such key: 'hyper"):
        sequence("hyper+x")


def test_half_blocks_are_exact_and_neighbours_join(tmp_path: Path) -> None:
    path = tmp_path / "screen.png"
    cell = Cell("▀", "ff0000", "0000ff", False, False, False, False)
    line = Cell("─", "ffffff", "000000", False, False, False, False)
    write_png([[cell, cell], [line, line]], path)
    image = Image.open(path).convert("RGB")
    assert image.size == (18, 36)
    assert {image.getpixel((x, y)) for x in range(18) for y in range(9)} == {(255, 0, 0)}
    assert {image.getpixel((x, y)) for x in range(18) for y in range(9, 18)} == {(0, 0, 255)}
    joined = [y for y in range(18, 36) if image.getpixel((0, y)) == (255, 255, 255)]
    assert len(joined) == 1
    assert all(image.getpixel((x, joined[0])) == (255, 255, 255) for x in range(18))


def test_every_block_braille_and_straight_box_character_has_a_shape() -> None:
    diagonal = set("╱╲╳")
    codes = [*range(0x2500, 0x25A0), *range(0x2801, 0x2900)]
    assert all(boxes(chr(code)) for code in codes if chr(code) not in diagonal)
    assert all(
        0 <= box.left < box.right <= 1 and 0 <= box.top < box.bottom <= 1
        for code in codes
        for box in boxes(chr(code)) or ()
    )


def test_a_missing_font_names_the_package(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="fonts-dejavu-core"):
        write_png([[]], tmp_path / "x.png", font=tmp_path / "none.ttf")


def test_memory_of_what_was_received_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_KEPT_BYTES", 1000)
    with Terminal(["sh", "-c", "seq 2000; printf end"]) as terminal:
        assert terminal.wait_for_exit() == 0
        assert terminal.bytes_received > 5000
        assert len(terminal.raw) == 1000
        assert terminal.raw.endswith(b"end")
