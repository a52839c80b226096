"""JSON as Schema Registry frames it."""

import pytest

from monitor.codecs.framing import framed, without_frame
from tests.monitor.codecs.test_by_name import refused, rows_of


@pytest.mark.parametrize("schema_id", [1, 7, 0x5B5B, 0x7B7B7B, 2**24 - 1])
def test_schema_registry_framing_is_stepped_over(schema_id):
    value = framed(schema_id, b'{"temp": 21.5, "pressure": 2}')
    assert rows_of(value).tolist() == [[21.5, 2]]
    assert rows_of(framed(schema_id, b"[1, 2]")).tolist() == [[1, 2]]
    assert refused(framed(schema_id, b"21.5"))[0] == "undecodable"


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le", "utf-32-be", "utf-32-le"])
@pytest.mark.parametrize("text", ["[[[1, 2]]]", "[[1, 2]]", "[1, 2]", '{"temp": 1, "pressure": 2}'])
def test_other_encodings_are_not_taken_for_it(encoding, text):
    assert without_frame(text.encode(encoding)) == text.encode(encoding)
