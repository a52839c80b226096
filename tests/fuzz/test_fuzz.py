"""Whatever a producer sends ends as rows or as one DecodeError, soon and in little memory.

`make fuzz` does the same with hundreds of thousands of payloads.
"""

from __future__ import annotations

import json
import subprocess
import sys
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.codec import CodecConfig
from tests.asked import Asked
from tests.fuzz import run, with_atheris
from tests.fuzz.bombs import BOMBS
from tests.fuzz.check import DEFAULT_LIMITS, Variant, check
from tests.fuzz.faulty import look
from tests.fuzz.files import PNG, chunk, segment
from tests.fuzz.payloads import CODEC_NAMES, mutated, payload_at
from tests.fuzz.picture_edits import MARKERS, NAMES
from tests.fuzz.seeds import VARIANTS, seeds

PAYLOADS = 4000
BOMB_BYTES = 2**21
"""A quarter of the largest payload, as the machines that run this may be slow."""
ATHERIS_RUNS = 5000

IMPOSSIBLE: Asked[set[str]] = Asked(
    "tests/fuzz/test_fuzz.py: add the reasons that codec {} never gives to IMPOSSIBLE",
    {
        "json": set(),
        "json-schema": set(),
        "raw": {"undecodable", "wrong_dtype"},
        "npy": set(),
        "image": {"non_finite", "too_many_rows"},
        "msgpack": set(),
        "arrow": set(),
        "avro": {"too_many_rows", "wrong_dtype"},
        "protobuf": {"too_many_rows", "wrong_dtype"},
    },
)
"""Reasons that a codec never gives."""
GIVEN = {
    "rows", "tombstone", "empty", "oversized", "undecodable", "wrong_dtype", "wrong_shape",
    "too_many_rows", "non_finite",
}  # fmt: skip

every_codec = pytest.mark.parametrize("codec", CODEC_NAMES)
every_variant = st.sampled_from([variant for some in VARIANTS.values() for variant in some])
NUMBERS = st.floats() | st.integers() | st.integers(-(10**400), 10**400)
DOCUMENTS = st.recursive(
    NUMBERS | st.booleans() | st.none() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["payload", "values", "payload.values"]), inner)
    ),
    max_leaves=30,
)


@every_codec
@given(data=st.data())
def test_random_bytes_end_as_rows_or_as_a_reason(codec: str, data: st.DataObject) -> None:
    check(data.draw(st.sampled_from(VARIANTS[codec])), data.draw(st.binary(max_size=2000)))


@every_codec
@given(data=st.data())
def test_edited_payloads_end_as_rows_or_as_a_reason(codec: str, data: st.DataObject) -> None:
    variant = data.draw(st.sampled_from(VARIANTS[codec]))
    value = data.draw(st.sampled_from(seeds(variant)))
    rng = Random(data.draw(st.integers(0, 2**64)))
    check(variant, mutated(rng, codec, value))


@given(variant=st.sampled_from(VARIANTS["json"]), document=DOCUMENTS)
def test_any_json_document_ends_as_rows_or_as_a_reason(variant: Variant, document: object) -> None:
    check(variant, json.dumps(document).encode())


@given(
    variant=st.sampled_from(VARIANTS["image"]),
    parts=st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=40)), max_size=8),
)
def test_chunks_in_any_order_end_as_rows_or_as_a_reason(
    variant: Variant, parts: list[tuple[bytes, bytes]]
) -> None:
    check(variant, PNG + b"".join(chunk(*part) for part in parts))


@given(
    variant=st.sampled_from(VARIANTS["image"]),
    parts=st.lists(st.tuples(st.sampled_from(MARKERS), st.binary(max_size=40)), max_size=8),
)
def test_segments_in_any_order_end_as_rows_or_as_a_reason(
    variant: Variant, parts: list[tuple[int, bytes]]
) -> None:
    check(variant, b"\xff\xd8" + b"".join(segment(*part) for part in parts))


@every_codec
def test_thousands_of_payloads_end_in_every_way_that_there_is(codec: str) -> None:
    report = run.fuzz(codec, PAYLOADS, seed=2, bomb_bytes=BOMB_BYTES)
    assert report.endings.total() == PAYLOADS
    assert set(report.endings) >= GIVEN - IMPOSSIBLE[codec]


@every_codec
def test_bytes_that_atheris_finds_end_as_rows_or_as_a_reason(codec: str) -> None:
    assert with_atheris.fuzz(codec, ATHERIS_RUNS, seed=2).corpus > 1


@pytest.mark.parametrize(
    ("end", "found"),
    [
        ("Done 5000 runs in 3 second(s)\n", (12, 3)),
        ("Done 5003 runs in 3 second(s)\n", (12, 3)),
        ("Done 4999 runs in 3 second(s)\n", None),
        ("", None),
    ],
)
def test_atheris_is_believed_when_it_has_done_all_runs(
    end: str, found: tuple[int, int] | None
) -> None:
    log = "#5000\tDONE   cov: 12 ft: 20 corp: 3/40b lim: 4 exec/s: 0 rss: 100Mb\n"
    assert with_atheris.ended(log + end, 5000) == found
    assert with_atheris.ended(end, 5000) is None


@every_codec
def test_valid_payloads_end_as_rows(codec: str) -> None:
    for variant in VARIANTS[codec]:
        for value in seeds(variant):
            if len(value) <= variant.limits.max_record_bytes:
                assert check(variant, value).ending == "rows"


def test_the_bombs_are_as_large_as_the_configuration_allows() -> None:
    fields = CodecConfig.model_fields
    assert fields["max_record_bytes"].default == DEFAULT_LIMITS.max_record_bytes
    assert fields["max_rows_per_record"].default == DEFAULT_LIMITS.max_rows
    for codec, bombs in BOMBS.items():
        for number in range(len(bombs)):
            _, value = payload_at(codec, 0, number, BOMB_BYTES)
            assert value
            assert len(value) <= BOMB_BYTES


def test_a_payload_can_be_made_again() -> None:
    assert payload_at("image", 3, 1234, 0) == payload_at("image", 3, 1234, 0)
    assert payload_at("image", 3, 1234, 0) != payload_at("image", 4, 1234, 0)


FAULTS = (
    "another exception", "a text that cannot be sent", "a long text", "another shape",
    "another dtype",
)  # fmt: skip
MEASURED = ("much time", "much memory")


@pytest.mark.parametrize("fault", FAULTS)
def test_the_check_sees_each_way_to_break_the_guarantee(fault: str) -> None:
    look("none")
    with pytest.raises((AssertionError, KeyError, UnicodeEncodeError)):
        look(fault)


@pytest.mark.parametrize("fault", MEASURED)
def test_the_check_sees_what_takes_too_much(fault: str) -> None:
    """In a new Python: what others took in this one would hide it."""
    command = [sys.executable, "-m", "tests.fuzz.faulty"]
    for each, code in (("none", 0), (fault, 1)):
        done = subprocess.run([*command, each], capture_output=True, text=True, timeout=300)
        assert done.returncode == code, done.stderr
    assert "AssertionError: Verdict(ending='rows'" in done.stderr


def test_a_broken_guarantee_names_the_payload() -> None:
    with pytest.raises(run.BrokenGuaranteeError, match=r"payload_at\('no such codec', 0, 0, 1\)"):
        run.fuzz("no such codec", 1, seed=0, bomb_bytes=1)
