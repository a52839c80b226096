"""Text that comes from elsewhere, as one line."""

from __future__ import annotations

from unicodedata import category

from hypothesis import given
from hypothesis import strategies as st

from monitor.process.text import escaped, for_terminal, one_line, printable_line, visible


def test_white_space_is_folded() -> None:
    assert one_line("  two\n\tlines\r\n of\u2028text ") == "two lines of text"
    assert one_line(ValueError("a\nb")) == "a b"


def test_control_characters_are_replaced() -> None:
    assert printable_line("red \x1b[31m alarm\x07", 100) == "red ?[31m alarm?"
    assert printable_line("\x1b\u202e", 100, escaped) == "\\x1b\\u202e"


def test_a_line_of_just_the_length_is_whole_and_a_longer_one_is_cut() -> None:
    assert printable_line("x" * 10, 10) == "x" * 10
    assert printable_line("x" * 11, 10) == "x" * 7 + "..."


@given(st.text(max_size=60))
def test_whatever_it_is_the_line_can_be_printed_and_is_no_longer(text: str) -> None:
    line = printable_line(text, 20)
    assert line.isprintable()
    assert len(line) <= 20


@given(st.text(max_size=60))
def test_a_terminal_gets_lines_tabs_spaces_and_what_is_printable(text: str) -> None:
    shown = for_terminal(text)
    assert all(c.isprintable() or c in "\n\t" or category(c) == "Zs" for c in shown)
    assert for_terminal(shown) == shown


@given(st.text(max_size=60))
def test_what_is_visible_is_all_there_and_nothing_of_it_hides(text: str) -> None:
    shown = visible(text)
    assert not {category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert len(shown) >= len(text)


def test_a_space_that_does_not_break_is_left_and_a_mark_that_turns_is_told() -> None:
    assert visible("20\xa0000\u200f\n") == "20\xa0000\\u200f\\n"
    assert visible("20\u200f\n", "\n") == "20\\u200f\n"


def test_what_a_terminal_would_obey_is_spelt_out() -> None:
    assert for_terminal("a\tb\n\x1b[2J\r\u202e") == "a\tb\n\\x1b[2J\\r\\u202e"
