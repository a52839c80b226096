"""Schemas are looked up in a real Schema Registry, and payloads that name them are read."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest

from models.input_spec import InputSpec
from models.schema import Feature, Schema
from monitor.codecs.decoding import Decoder
from monitor.codecs.framing import framed
from monitor.codecs.protobuf_wire import framed_indexes
from monitor.config.codec import CodecConfig
from monitor.daemon.assembly.codec import build_decoder
from monitor.errors import DecodeError, SchemaUnavailableError
from tests.monitor.codecs.protobuf_messages import descriptor, message_class
from tests.schema_registry.registry import APP, Registry

FEATURES = Schema((Feature("temp"), Feature("motor.rpm", missing=True)))
ROWS = np.array([[21.5, 3000.0], [-4.25, np.nan]])
MOTOR = {
    "type": "record", "name": "Motor", "namespace": "plant",
    "fields": [{"name": "rpm", "type": ["null", "int"], "default": None}],
}  # fmt: skip


def reading(motor: Any) -> dict[str, Any]:
    return {
        "type": "record", "name": "Reading", "namespace": "plant",
        "fields": [{"name": "temp", "type": "double"}, {"name": "motor", "type": motor}],
    }  # fmt: skip


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    if not APP.is_dir():
        pytest.skip("no Schema Registry is there; `make registry-jars` says why")
    running = Registry(tmp_path_factory.mktemp("registry"))
    running.start()
    yield running
    running.stop()


def decoder(registry: Registry, name: str) -> Decoder:
    spec = InputSpec.fit(np.tile(ROWS, (20, 1)), FEATURES)
    timeout = 30  # of a busy machine
    access = {"url": registry.url, "timeout_seconds": timeout}
    return build_decoder(CodecConfig(name=name, registry=access), spec)


def records() -> list[dict[str, Any]]:
    return [
        {"temp": temp, "motor": {"rpm": None if np.isnan(rpm) else int(rpm)}} for temp, rpm in ROWS
    ]


def avro_payloads(schema_id: int) -> list[bytes]:
    payloads = []
    for record in records():
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, fastavro.parse_schema(reading(MOTOR)), record)
        payloads.append(framed(schema_id, stream.getvalue()))
    return payloads


def assert_all_are_read(decode: Decoder, payloads: list[bytes]) -> None:
    np.testing.assert_array_equal(np.concatenate([decode(value) for value in payloads]), ROWS)
    np.testing.assert_array_equal(decode.all(payloads).rows, ROWS)


def test_avro_is_read_by_the_schema_that_it_names(registry: Registry) -> None:
    schema_id = registry.register("readings-value", json.dumps(reading(MOTOR)))
    assert_all_are_read(decoder(registry, "avro"), avro_payloads(schema_id))


def test_avro_is_read_by_a_schema_that_refers_to_another(registry: Registry) -> None:
    registry.register("motor", json.dumps(MOTOR))
    refers = [{"name": "plant.Motor", "subject": "motor", "version": 1}]
    schema_id = registry.register(
        "refers-value", json.dumps(reading("plant.Motor")), references=refers
    )
    assert_all_are_read(decoder(registry, "avro"), avro_payloads(schema_id))


def test_a_schema_that_changed_is_read_by_its_new_id(registry: Registry) -> None:
    old = registry.register("changing-value", json.dumps(reading(MOTOR)))
    later = reading(MOTOR)
    later["fields"].insert(0, {"name": "site", "type": "string", "default": ""})
    new = registry.register("changing-value", json.dumps(later))
    assert old != new
    stream = io.BytesIO()
    record = {"site": "north", **records()[0]}
    fastavro.schemaless_writer(stream, fastavro.parse_schema(later), record)
    decode = decoder(registry, "avro")
    found = decode.all([avro_payloads(old)[1], framed(new, stream.getvalue())]).rows
    np.testing.assert_array_equal(found, ROWS[::-1])


def test_json_is_read_by_the_schema_that_it_names(registry: Registry) -> None:
    motor = {"type": "object", "properties": {"rpm": {"type": ["integer", "null"]}}}
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
        "properties": {"temp": {"type": "number"}, "motor": motor}, "required": ["temp", "motor"],
    }  # fmt: skip
    schema_id = registry.register("json-value", json.dumps(schema), "JSON")
    payloads = [framed(schema_id, json.dumps(record).encode()) for record in records()]
    assert_all_are_read(decoder(registry, "json-schema"), payloads)


def test_a_json_schema_that_rules_a_feature_out_is_told_by_name(registry: Registry) -> None:
    schema = {"type": "object", "properties": {"temp": {"type": "string"}}}
    schema_id = registry.register("narrow-value", json.dumps(schema), "JSON")
    with pytest.raises(DecodeError, match="temp") as caught:
        decoder(registry, "json-schema")(framed(schema_id, b'{"temp": 1}'))
    assert caught.value.reason == "undecodable"


PROTO = """
syntax = "proto3";
package plant;
message Other { double temp = 1; }
message Motor { optional int32 rpm = 1; }
message Reading { string id = 1; double temp = 2; Motor motor = 3; }
"""


def test_protobuf_whose_registry_gives_text_alone_is_told_what_to_set(
    registry: Registry, tmp_path: Path
) -> None:
    schema_id = registry.register("protobuf-value", PROTO, "PROTOBUF")
    message = message_class()(temp=21.5)
    message.motor.rpm = 3000
    value = framed(schema_id, framed_indexes((1,)) + message.SerializeToString())
    with pytest.raises(DecodeError, match=r"set codec\.descriptor and codec\.message") as caught:
        decoder(registry, "protobuf")(value)
    assert caught.value.reason == "undecodable"
    (tmp_path / "plant.pb").write_bytes(descriptor())
    known = CodecConfig(name="protobuf", descriptor=tmp_path / "plant.pb", message="plant.Reading")
    decode = build_decoder(known, InputSpec.fit(np.tile(ROWS, (20, 1)), FEATURES))
    np.testing.assert_array_equal(decode(value), ROWS[:1])


@pytest.mark.parametrize("name", ["avro", "json-schema", "protobuf"])
def test_an_id_that_the_registry_does_not_know_is_the_records_fault(
    registry: Registry, name: str
) -> None:
    with pytest.raises(DecodeError, match="the schema registry has no schema 999999") as caught:
        decoder(registry, name)(framed(999_999, b"\0{}"))
    assert caught.value.reason == "undecodable"


def test_a_registry_that_is_gone_is_no_fault_of_records_and_known_schemas_go_on(
    tmp_path: Path,
) -> None:
    short = Registry(tmp_path)
    short.start()
    try:
        schema_id = short.register("readings-value", json.dumps(reading(MOTOR)))
        decode = decoder(short, "avro")
        payloads = avro_payloads(schema_id)
        assert_all_are_read(decode, payloads)
    finally:
        short.stop()
    assert_all_are_read(decode, payloads)
    with pytest.raises(SchemaUnavailableError, match=r"codec\.registry\.url"):
        decode(framed(schema_id + 1, b"\0"))
