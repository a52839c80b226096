"""Names of segments: text that can be shown, bounded, whatever producers send."""

from __future__ import annotations

import json

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.codecs.fields import FieldReader
from monitor.drift.segments.names import NONE
from monitor.pipeline.segment_names import LONGEST, Naming, name_of, of_field, of_header, of_key
from monitor.stream.columns import Columns
from monitor.stream.records import Record
from tests.monitor.segment_streams import segmented_pipeline


def record(offset: int, key: bytes | None, headers: tuple = (), value: bytes = b"1.0") -> Record:
    return Record("in", 0, offset, 1_700_000_000_000 + offset, key, value, headers)


def named(naming: Naming, records: list[Record]) -> list[str]:
    scored = segmented_pipeline(texts=naming.texts).score(Columns.of(records))
    return [scored.segments[number] for number in scored.segment]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (None, NONE),
        (b"", NONE),
        (b"camera-7", "camera-7"),
        ("Straße 7".encode(), "Straße 7"),
        (b"\xff\x00\x01", "0xff0001"),
        (b"a\nb\x00", "a\\nb\\x00"),
        ("\u202eabc".encode(), "\\u202eabc"),
    ],
)
def test_a_name_can_be_shown(text: bytes | None, name: str) -> None:
    assert name_of(text) == name


@given(st.binary(max_size=2000))
def test_every_name_is_short_and_shows_all_its_characters(text: bytes) -> None:
    name = name_of(text)
    assert 0 < len(name) <= LONGEST
    assert name == "".join(c for c in name if c.isprintable() or c.isspace())
    assert "\n" not in name


def test_long_names_that_begin_alike_are_told_apart() -> None:
    one, other = name_of(b"x" * 5000 + b"1"), name_of(b"x" * 5000 + b"2")
    assert one != other
    assert len(one) == LONGEST


def test_keys_and_the_last_header_of_a_name() -> None:
    records = [
        record(0, b"a", (("camera", b"1"), ("camera", b"2"))),
        record(1, None, (("other", b"1"),)),
        record(2, b"b"),
    ]
    assert named(Naming(of_key), records) == ["a", NONE, "b"]
    assert named(Naming(of_header("camera")), records) == ["2", NONE, NONE]


def reader(path: str, codec: str = "json", kinds: tuple[str, ...] = ()) -> FieldReader:
    return FieldReader(codec, path, kinds, 10_000)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"camera": "a"}, b"a"),
        ({"camera": 7}, b"7"),
        ({"camera": 1.5}, b"1.5"),
        ({"camera": True}, b"true"),
        ({"camera": None}, None),
        ({"camera": ["a"]}, None),
        ({"other": "a"}, None),
        ([{"camera": "a"}, {"camera": "a"}], b"a"),
        ([{"camera": "a"}, {"camera": "b"}], None),
        ([1.0, 2.0], None),
    ],
)
@pytest.mark.parametrize("codec", ["json", "json-schema", "msgpack"])
def test_a_field_is_read(document: object, text: bytes | None, codec: str) -> None:
    packed = msgpack.packb(document) if codec == "msgpack" else json.dumps(document).encode()
    assert reader("camera", codec).read([packed]) == [text]


def test_a_field_may_be_inside_or_have_a_dot_in_its_name() -> None:
    inside, dotted = b'{"at": {"line": "x"}}', b'{"at.line": "y", "at": {"line": "x"}}'
    assert reader("at.line").read([inside, dotted]) == [b"x", b"y"]


def test_a_field_is_read_in_frames_lines_and_wraps() -> None:
    framed = b"\x00\x00\x00\x00\x07" + b'{"line": "x"}'
    lines = b'{"line": "x"}\n{"line": "x"}\n'
    assert reader("line", "json-schema").read([framed]) == [b"x"]
    assert reader("line").read([lines]) == [b"x"]
    assert reader("line", kinds=("base64",)).read([b"eyJsaW5lIjogIngifQ=="]) == [b"x"]


@given(st.binary(max_size=200))
@pytest.mark.parametrize("codec", ["json", "json-schema", "msgpack"])
def test_no_payload_breaks_a_reader(codec: str, value: bytes) -> None:
    (found,) = reader("a.b", codec).read([value])
    assert found is None or isinstance(found, bytes)


def test_payloads_that_were_not_decoded_are_not_read() -> None:
    records = [record(0, None, value=b"1.0"), record(1, None, value=b'{"line": "x"}')]
    assert named(Naming(of_field(reader("line"))), records) == [NONE, NONE]
