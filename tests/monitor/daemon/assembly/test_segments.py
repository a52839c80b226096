"""What is built of the section `segments`, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from models.input_spec import InputSpec
from models.schema import Schema
from monitor.config import Config
from monitor.daemon.assembly.codec import build_codec
from monitor.daemon.assembly.daemon import fingerprint
from monitor.daemon.assembly.segments import beside, build_naming
from monitor.errors import ConfigError


def config(codec: str = "json", **segments: Any) -> Config:
    return Config.model_validate(
        {
            "model": "m",
            "kafka": {"topic": "in"},
            "codec": {"name": codec, "extra": "refuse"},
            "segments": segments,
        }
    )


def test_without_the_section_there_is_nothing_and_memories_of_before_stay() -> None:
    plain = config()
    assert build_naming(plain) is None
    assert beside(plain) == ()
    assert fingerprint(plain) == fingerprint(config(at_most=7))
    assert fingerprint(plain) != fingerprint(config(by="key"))
    assert fingerprint(config(by="key")) != fingerprint(config(by="key", at_most=7))


@pytest.mark.parametrize("codec", ["raw", "npy", "image", "arrow", "avro", "protobuf"])
def test_a_field_needs_payloads_whose_fields_are_read(codec: str) -> None:
    with pytest.raises(ConfigError, match=r"segments.by: field:line needs.*codec.name is"):
        build_naming(config(codec, by="field:line"))
    assert build_naming(config(codec, by="key")) is not None
    assert build_naming(config(codec, by="header:line")) is not None


def test_the_field_of_a_segment_is_no_key_to_refuse() -> None:
    asked = config(by="field:plant.line")
    spec = InputSpec.fit(np.random.default_rng(0).normal(size=(20, 2)), Schema.numbers(("a", "b")))
    payload = json.dumps({"a": 1.0, "b": 2.0, "plant": {"line": "x"}}).encode()
    codec = build_codec(asked.codec, spec, beside=beside(asked))
    assert codec.decode(payload).tolist() == [[1.0, 2.0]]
    with pytest.raises(Exception, match="no feature"):
        build_codec(asked.codec, spec).decode(payload)
