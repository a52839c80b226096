"""Codecs of plant.Reading, for the tests of Protobuf."""

import pytest

from models.schema import Feature, Schema
from monitor.codecs import CodecSettings
from monitor.codecs.protobuf import ProtobufCodec
from monitor.errors import DecodeError
from tests.monitor.codecs.protobuf_messages import descriptor, message_class

Reading = message_class()
READING = b"\2\2"
"""The second message of its file."""


def features(*names, missing=(), words=(), truths=()):
    return Schema(
        tuple(
            Feature(name, "category", ("on", "off"), name in missing)
            if name in words
            else Feature(name, "boolean" if name in truths else "number", (), name in missing)
            for name in names
        )
    )


def codec(*names, shape=None, settings=None, **kinds):
    schema = features(*names, **kinds)
    given = {"descriptor": descriptor(), "message": "plant.Reading"} | (settings or {})
    return ProtobufCodec(CodecSettings(shape or (len(names),), features=schema, **given))


def read(message, *names, **options):
    return codec(*names, **options).decode(message.SerializeToString()).tolist()


def refused(built, value):
    with pytest.raises(DecodeError) as caught:
        built.decode(value)
    assert len(str(caught.value)) < 400
    return caught.value.reason, str(caught.value)


class Known(dict):
    """Schemas by id. asked: the ids, in order."""

    asked = None

    def get(self, schema_id):
        self.asked = [*(self.asked or ()), schema_id]
        if schema_id not in self:
            raise DecodeError("undecodable", f"the schema registry has no schema {schema_id}")
        return self[schema_id]


def registered(known, *names, **settings):
    more = {"descriptor": None, "message": None, "schemas": known} | settings
    return codec(*names, settings=more)
