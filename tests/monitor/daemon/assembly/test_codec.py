"""The codec as the configuration and the model ask for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from models.input_spec import InputSpec
from models.sample_rows import rows_of
from models.schema import Feature, Schema
from monitor.codecs import CodecSettings, protobuf_files
from monitor.config.codec import CodecConfig, identity
from monitor.daemon.assembly.codec import Once, build_codec, build_decoder
from monitor.errors import ConfigError

MIXED = Schema(
    (
        Feature("temp"),
        Feature("rpm", missing=True),
        Feature("state", "category", ("on", "off")),
        Feature("door", "boolean"),
    )
)


def spec(schema: Schema = MIXED) -> InputSpec:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2, (100, len(schema.features))).astype(np.float64)
    rows[::7, schema.may_be_missing] = np.nan
    return InputSpec.fit(rows, schema)


def codec(**values: Any) -> CodecConfig:
    return CodecConfig(**({"name": "json"} | values))


@pytest.mark.parametrize("name", ["raw", "npy"])
def test_formats_without_text_are_refused_for_categories_unless_told_otherwise(name: str) -> None:
    with pytest.raises(ConfigError, match=r"'state' is a category.*codec\.by_position: true"):
        build_codec(codec(name=name), spec())
    build_codec(codec(name=name, by_position=True), spec())
    build_codec(codec(name=name), spec(Schema(MIXED.features[:2])))


@pytest.mark.parametrize("values", [{}, {"name": "raw", "by_position": True}])
def test_rows_that_a_model_is_tried_with_come_through_the_codec(values: dict[str, Any]) -> None:
    for schema in (MIXED, Schema.numbers(("a", "b", "c"))):
        rows = rows_of(spec(schema))
        assert rows.shape == (8, len(schema.features))
        assert np.isnan(rows).any() == schema.may_be_missing.any()
        built, decode = (
            build_codec(codec(**values), spec(schema)),
            build_decoder(codec(**values), spec(schema)),
        )
        for row in rows:
            np.testing.assert_array_equal(decode(built.encode(row)), [row])


def test_that_lists_are_taken_in_order_is_logged_once() -> None:
    decode = build_decoder(codec(), spec(Schema.numbers(("a", "b"))))
    with capture_logs() as logs:
        decode.all([b"[1, 2]", b'{"a": 1, "b": 2}'])
        decode.all([b"[3, 4]"])
        decode(b"[5, 6]")
    assert [line["log_level"] for line in logs] == ["warning"]
    assert "codec.by_position" in logs[0]["what"]


def test_each_text_is_logged_once() -> None:
    say = Once()
    with capture_logs() as logs:
        for text in ("a", "b", "a", "b", "a"):
            say(text)
    assert [line["what"] for line in logs] == ["a", "b"]


def test_what_came_later_changes_no_fingerprint_at_its_default() -> None:
    before = {
        "name", "dtype", "shape", "byte_order", "field", "max_record_bytes",
        "max_rows_per_record", "max_pixels",
    }  # fmt: skip
    assert set(identity(codec())) == before
    assert identity(codec(rows="many")) == identity(codec()) | {"rows": "many"}


def test_records_of_the_shape_that_the_network_sees_have_no_names() -> None:
    plain = replace(spec(Schema.numbers(("a", "b"))), schema=Schema())
    decode = build_decoder(codec(), plain)
    assert decode(b"[1, 2]").tolist() == [[1, 2]]


def test_avro_needs_one_way_to_its_schemas(tmp_path: Path) -> None:
    plain, file = spec(Schema.numbers(("a", "b"))), tmp_path / "row.avsc"
    fields = [{"name": name, "type": "double"} for name in ("a", "b")]
    file.write_text(json.dumps({"type": "record", "name": "R", "fields": fields}), encoding="utf-8")
    registry = {"url": "http://127.0.0.1:1"}
    for values in ({}, {"registry": registry, "schema_file": file}):
        with pytest.raises(ConfigError, match=r"either codec\.registry"):
            build_codec(codec(name="avro", **values), plain)
    row = np.array([1.5, 2])
    built = build_codec(codec(name="avro", schema_file=file), plain)
    np.testing.assert_array_equal(built.decode(built.encode(row)), [row])
    assert build_codec(codec(name="avro", registry=registry), plain) is not None
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match="codec: not an Avro schema"):
        build_codec(codec(name="avro", schema_file=file), plain)
    with pytest.raises(ConfigError, match=r"codec\.schema_file: cannot read .*gone: No such file"):
        build_codec(codec(name="avro", schema_file=tmp_path / "gone"), plain)


def test_protobuf_needs_a_registry_or_a_descriptor_with_its_message(tmp_path: Path) -> None:
    schema, file = Schema.numbers(("a", "b")), tmp_path / "row.pb"
    plain, registry = spec(schema), {"url": "http://127.0.0.1:1"}
    data, message = protobuf_files.of_settings(CodecSettings((2,), features=schema))
    file.write_bytes(data)
    both = {"descriptor": file, "message": message}
    for values in ({}, {"registry": registry, **both}):
        with pytest.raises(ConfigError, match=r"either codec\.registry .* or codec\.descriptor"):
            build_codec(codec(name="protobuf", **values), plain)
    with pytest.raises(ConfigError, match=r"codec\.message: which message"):
        build_codec(codec(name="protobuf", descriptor=file), plain)
    row = np.array([1.5, 2])
    built = build_codec(codec(name="protobuf", **both), plain)
    np.testing.assert_array_equal(built.decode(built.encode(row)), [row])
    assert build_codec(codec(name="protobuf", registry=registry), plain) is not None
    with pytest.raises(ConfigError, match="codec: the message Row has no field for 'c'; it has"):
        build_codec(codec(name="protobuf", **both), spec(Schema.numbers(("a", "c"))))
    with pytest.raises(ConfigError, match=r"codec\.descriptor: cannot read .*gone: No such file"):
        build_codec(codec(name="protobuf", **both | {"descriptor": tmp_path / "gone"}), plain)
    with file.open("wb") as out:
        out.truncate(2**24)
    with pytest.raises(ConfigError, match=r"codec\.descriptor: .* is larger than"):
        build_codec(codec(name="protobuf", **both), plain)


def test_json_with_a_schema_needs_a_registry() -> None:
    plain = spec(Schema.numbers(("a", "b")))
    with pytest.raises(ConfigError, match=r"json-schema needs codec\.registry"):
        build_codec(codec(name="json-schema"), plain)
    assert build_codec(codec(name="json-schema", registry={"url": "http://a"}), plain) is not None


def test_the_keys_that_no_feature_has_are_logged_once() -> None:
    names = [*(f"k{i}" for i in range(11)), "\x1b[31m\n"]
    extra = dict.fromkeys(reversed(names), 1)
    for payloads in ([{"a": 1, "b": 2}, {"a": 1, "b": 2, **extra}, {"a": 1, "b": 2, "later": 1}],):
        for at_once in (True, False):
            decode = build_decoder(codec(), spec(Schema.numbers(("a", "b"))))
            values = [json.dumps(each).encode() for each in payloads]
            with capture_logs() as logs:
                rows = decode.all(values).rows if at_once else [decode(v)[0] for v in values]
            assert len(rows) == 3
            (said,) = [line["what"] for line in logs]
            assert said.endswith(
                "(codec.extra): '\\x1b[31m\\n', " + ", ".join(f"'k{i}'" for i in range(10, 1, -1))
                + " and others"
            )  # fmt: skip


@pytest.mark.parametrize(
    "values",
    [{"url": "ftp://a"}, {"url": "http://me:secret@a"}, {"url": "http://a", "user_file": "u"}],
)
def test_a_registry_without_address_or_with_half_a_login_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"url|user_file"):
        codec(name="avro", registry=values)
