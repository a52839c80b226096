"""How CSV files are written: decided by many lines, or refused with the option that settles it."""

import io
from pathlib import Path

import pytest

from monitor.datasets import Reading, learning
from monitor.datasets.csv_dialect import Dialect, dialect
from monitor.errors import DataError


def decided(text: str | bytes, **said: object) -> Dialect:
    content = text if isinstance(text, bytes) else text.encode()
    return dialect(io.BytesIO(content), "FILE", Reading(**said))


@pytest.mark.parametrize(
    ("text", "names", "delimiter", "decimal", "skip"),
    [
        ("a,b\n1,2\n", "a b", ",", ".", 1),
        ("\ufeffa;b\n1;2\n", "a b", ";", ".", 1),
        ("a\tb\n1\t2\n", "a b", "\t", ".", 1),
        ("a|b\n1|2\n", "a b", "|", ".", 1),
        ("1 2.5\n3 4.5\n", "", " ", ".", 0),
        ('name,v\n"x,y",1\n"x,y",2\n', "name v", ",", ".", 1),
        ("T, C;P, bar\n1;2\n3;4\n", "T,_C P,_bar", ";", ".", 1),
        ("a;b\n1,5;2\n2,5;3\n", "a b", ";", ",", 1),
        ('"1,5","2,5"\n"1,6","2,7"\n', "", ",", ",", 0),
        ("t\n20,31\n20,35\n", "t", ";", ",", 1),
        ("sep=;\na;b\n1;2\n", "a b", ";", ".", 2),
        ("# by x\n\n# on y\na,b\n1,2\n# later\n3,4\n", "a b", ",", ".", 4),
        ("# a, b\n1,2.5\n2,3\n", "a b", ",", ".", 1),
        ("t,f\n°C,l/min\n1,2\n3,4\n", "t f", ",", ".", 2),
        ("a,b,\n1,2,\n3,4,\n", "a b _", ",", ".", 1),
        ("a,b\n1,2,\n3,4,\n", "a b _", ",", ".", 1),
        ("a b\n1 5 2\n2 3 4\n", "_ a b", " ", ".", 1),
        (",a,b\n0,5,2\n1,3,4\n", "_ a b", ",", ".", 1),
        ("x,a\nr1,5\nr2,3\n", "x a", ",", ".", 1),
        ("0,tcp,5,ok\n0,udp,6,ok\n1,tcp,5,bad\n", "", ",", ".", 0),
        ("5,NA\n6,2.5\n9,3.5\n", "", ",", ".", 0),
        ("kind,why\nx,y\nx,z\n", "kind why", ",", ".", 1),
        ('a,"b\nc"\n1,2\n', "a b\nc", ",", ".", 2),
        ("value\n5\n6\n", "value", ",", ".", 1),
    ],
)  # fmt: skip
def test_usual_ways_to_write_are_read(
    text: str, names: str, delimiter: str, decimal: str, skip: int
) -> None:
    found = decided(text)
    wanted = tuple("" if name == "_" else name.replace("_", " ") for name in names.split(" "))
    assert found.names == (wanted if names else ())
    assert (found.delimiter, found.decimal, found.skip) == (delimiter, decimal, skip)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n1,2\n", ""),
        ("a;b\n1,5;2\n2,5;3\n", "';' between cells; decimal comma"),
        (",a\n0,5\n1,3\n", "left out: the index (the first column)"),
        ("Unnamed: 0,a\n0,5\n1,3\n", "left out: the index (the first column)"),
        ("a,b,\n1,2,\n3,4,\n", "left out: the last column, which is empty"),
        ("1.5,2\n2.5,3\n", "no header, columns counted from 0"),
        ("t,f\nC,bar\n1,2\n3,4\n", "left out: line 2, C, bar"),
        ("°C,b\n1,2\n".encode("cp1252"), "encoding cp1252 (else --encoding)"),
        ("°C,b\n1,2\n".encode("utf-16"), ""),
    ],
)
def test_what_is_not_plain_is_said(text: str | bytes, told: str) -> None:
    assert decided(text).told == told


@pytest.mark.parametrize(
    ("text", "said", "fault"),
    [
        ("0,1,2,3\n0.5,1.5,2.5,3.5\n1.5,2.5,3.5,.5\n", {}, "Say --header yes or --header no"),
        ("2019,2020\n1.5,2.5\n2.5,3.5\n", {}, "Say --header yes or --header no"),
        (",0,1\n0,1.5,2\n1,2.5,3\n", {}, "Say --header yes or --header no"),
        ("0\n0.5\n1.5\n", {}, "Say --header yes or --header no"),
        ("t,p,t\n1,2,3\n", {}, "several columns have the name 't'"),
        ("20,31\n21,05\n", {}, "Say --decimal ,"),
        ("a;b\n1,500;2\n2,500;3\n", {}, "Say --decimal ,"),
        ("a;b\n1,5;2.5\n2,5;3.5\n", {}, "Say which is right with --decimal"),
        ("a,,b\n1,2,3\n", {}, "column 1 (counting from 0) has no name"),
        (",a,b\n0.25,1,2\n0.7,3,4\n", {}, "column 0 (counting from 0) has no name"),
        ("a,b\n1,2\n3\n", {}, "line 3 has 1 cell, most have 2"),
        ("made by x\na,b\n1,2\n3,4\n", {}, "line 1 has 1 cell, most have 2"),
        ("a  b\n1  2\n3  4\n", {"header": True}, "parted by several blanks"),
        ("°C,b\n1,2\n".encode("utf-16-le"), {}, "--encoding utf-16-le"),
        (b"a\x81,b\n1,2\n", {}, "Name its encoding with --encoding"),
        ("°C,b\n1,2\n".encode("cp1252"), {"encoding": "utf-8"}, "--encoding cp1252"),
        ("a,b\n1,2\n", {"encoding": "klingon"}, "Name the right one with --encoding"),
        ("", {}, "the file is empty"),
        ("# a\n\n", {}, "the file is empty"),
        ("x" * (1 << 21), {}, "its first line is longer than"),
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_refused(
    text: str | bytes, said: dict[str, object], fault: str
) -> None:
    with pytest.raises(DataError) as caught:
        decided(text, **said)
    assert str(caught.value).startswith("FILE: ")
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said", "names", "width", "decimal"),
    [
        ("0,1\n0.5,1.5\n1.5,.5\n", {"header": True}, ("0", "1"), 2, "."),
        ("0,1\n0.5,1.5\n1.5,.5\n", {"header": False}, (), 2, "."),
        ("20,31\n21,05\n", {"decimal": ","}, (), 1, ","),
        ("20,31\n21,05\n", {"decimal": "."}, (), 2, "."),
        ("a;b\n1,500;2\n2,500;3\n", {"decimal": ","}, ("a", "b"), 2, ","),
        ("a:b\n1:2\n3:4\n", {"delimiter": ":"}, ("a", "b"), 2, "."),
        ("°C,b\n1,2\n".encode("utf-16-le"), {"encoding": "utf-16-le"}, ("°C", "b"), 2, "."),
    ],
)
def test_an_option_settles_it(
    text: str | bytes,
    said: dict[str, object],
    names: tuple[str, ...],
    width: int,
    decimal: str,
) -> None:
    found = decided(text, **said)
    assert (found.names, found.width, found.decimal) == (names, width, decimal)


@pytest.mark.parametrize(
    ("between", "line"),
    [("", 41), ("\n\n", 43), ("# a remark, of three, cells\n", 42), ('"5\n",6\n\n', 44)],
)
def test_a_fault_is_told_with_its_line_in_the_file(tmp_path: Path, between: str, line: int) -> None:
    rows = "".join(f"{i},{i}.5\n" for i in range(39))
    (tmp_path / "t.csv").write_text(f"a,b\n{rows}{between}oops,1\n")
    with pytest.raises(DataError, match=f"'a', line {line}: 'oops'"):
        learning.look(str(tmp_path / "t.csv"), Reading())
