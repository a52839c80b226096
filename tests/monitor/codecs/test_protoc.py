"""Messages as protoc itself compiles and encodes them, by descriptor and framed."""

import base64
import subprocess
import sys

import numpy as np
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from monitor.codecs import CodecSettings
from monitor.codecs.framing import framed
from monitor.codecs.protobuf import ProtobufCodec
from monitor.codecs.protobuf_wire import framed_indexes
from monitor.codecs.schemas import SchemaText
from tests.monitor.codecs.protobuf_codecs import Known, features, refused

FILES = {
    "parts/motor.proto": """
        syntax = "proto3";
        package plant.parts;
        message Motor {
          message Bearing { double temp = 1; repeated float axes = 2; }
          uint32 rpm = 1;
          Bearing bearing = 2;
          map<string, Bearing> bearings = 3;
        }
    """,
    "plant.proto": """
        syntax = "proto3";
        package plant;
        import "parts/motor.proto";
        import "google/protobuf/wrappers.proto";
        enum State { unknown = 0; on = 1; off = 2; }
        message First {}
        message Reading {
          message Inner { sint64 depth = 1; message Core { fixed32 code = 3; } Core core = 2; }
          string id = 1;
          double temp = 2;
          parts.Motor motor = 3;
          State state = 4;
          repeated bool switches = 5;
          repeated sint32 steps = 6 [packed = false];
          map<string, double> values = 7;
          map<int32, parts.Motor> motors = 8;
          oneof supply { float volt = 9; float amp = 10; Inner cell = 11; }
          optional double level = 12;
          google.protobuf.DoubleValue pressure = 13;
          Inner inner = 14;
          int64 count = 15 [json_name = "howMany"];
          Reading before = 100000;
        }
    """,
    "legacy.proto": """
        syntax = "proto2";
        package legacy;
        message Reading {
          required double temp = 1;
          optional float level = 2 [default = 7.5];
          repeated int32 steps = 3;
          optional group Motor = 4 { optional uint32 rpm = 5; }
          optional bool open = 6;
          optional float depth = 7;
          extensions 100 to 200;
        }
        extend Reading { optional double extra = 100; }
    """,
    "later.proto": """
        edition = "2023";
        package later;
        message Reading {
          double temp = 1;
          double count = 2 [features.field_presence = IMPLICIT];
          repeated int32 steps = 3 [features.repeated_field_encoding = EXPANDED];
        }
    """,
}
FULL = """
    id: "a" temp: 21.5 state: on switches: [true, false] steps: [-3, 4]
    motor { rpm: 3000 bearing { temp: 80.25 axes: [1.5, 2.5] }
            bearings { key: "left" value { temp: 81 } } }
    values { key: "left" value: 1.25 } values { key: "right" value: -2 }
    motors { key: -7 value { rpm: 12 } }
    amp: 0.5 level: 0 pressure { value: 3.5 }
    inner { depth: -9 core { code: 4000000000 } } count: -1
    before { temp: 20 before { temp: 19 } }
"""
WANTED = {
    "temp": 21.5, "motor.rpm": 3000, "motor.bearing.temp": 80.25, "motor.bearing.axes.1": 2.5,
    "motor.bearings.left.temp": 81, "switches.0": 1, "steps.0": -3, "steps.1": 4,
    "values.left": 1.25, "values.right": -2, "motors.-7.rpm": 12, "amp": 0.5, "level": 0,
    "pressure": 3.5, "inner.depth": -9, "inner.core.code": 4_000_000_000, "howMany": -1,
    "before.temp": 20, "before.before.temp": 19, "state": 0,
}  # fmt: skip
"""Of FULL with an unknown state, by the names of features."""
MAY_LACK = (
    "volt",
    "amp",
    "cell.depth",
    "level",
    "pressure",
    "values.none",
    "steps.5",
    "inner.depth",
)


@pytest.fixture(scope="module")
def protos(tmp_path_factory):
    """A folder with the files, and a compiled set beside each."""
    folder = tmp_path_factory.mktemp("protos")
    (folder / "parts").mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    for name in FILES:
        protoc(folder, "--include_imports", f"--descriptor_set_out={folder / name}.pb", name)
    return folder


def protoc(folder, *arguments, text=""):
    """What protoc writes to its output."""
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", *arguments]
    done = subprocess.run(
        command, input=text.encode(), capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def encoded(protos, text, name="plant", message="Reading"):
    return protoc(protos, f"--encode={name}.{message}", f"{name}.proto", text=text)


def codec(protos, names, name="plant", message="Reading", **kinds):
    settings = CodecSettings(
        (len(names),), features=features(*names, **kinds),
        descriptor=(protos / f"{name}.proto.pb").read_bytes(), message=f"{name}.{message}",
    )  # fmt: skip
    return ProtobufCodec(settings)


def registered(protos, names, **kinds):
    """A codec that looks schemas up, as a registry serializes each file by itself."""
    files = FileDescriptorSet.FromString((protos / "plant.proto.pb").read_bytes()).file
    texts = {file.name: base64.b64encode(file.SerializeToString()).decode() for file in files}
    own = texts.pop("plant.proto")
    references = {name: text for name, text in texts.items() if not name.startswith("google/")}
    assert list(references) == ["parts/motor.proto"]
    known = Known({5: SchemaText("PROTOBUF", own, references)})
    settings = CodecSettings((len(names),), features=features(*names, **kinds), schemas=known)
    return ProtobufCodec(settings)


def test_everything_that_proto3_has_is_read_as_protoc_encodes_it(protos):
    built = codec(protos, WANTED, truths=("switches.0",), words=())
    assert built.decode(encoded(protos, FULL.replace("state: on", "state: unknown"))).tolist() == [
        [float(number) for number in WANTED.values()]
    ]


def test_a_framed_message_is_read_by_the_schema_that_it_names(protos):
    kinds = {"truths": ("switches.0",)}
    value = encoded(protos, FULL)
    wanted = [float(number) for number in (WANTED | {"state": 1}).values()]
    built = registered(protos, WANTED, **kinds)
    assert built.decode(framed(5, framed_indexes((1,)) + value)).tolist() == [wanted]
    together = built.decode(framed(5, framed_indexes((1,)) + value))
    np.testing.assert_array_equal(codec(protos, WANTED, **kinds).decode(value), together)


def test_a_nested_message_is_named_by_its_place_within_the_others(protos):
    built = registered(protos, ["depth", "core.code"])
    value = encoded(protos, "depth: -5 core { code: 7 }", message="Reading.Inner")
    assert built.decode(framed(5, framed_indexes((1, 0)) + value)).tolist() == [[-5, 7]]
    core = registered(protos, ["code"])
    value = encoded(protos, "code: 9", message="Reading.Inner.Core")
    assert core.decode(framed(5, framed_indexes((1, 0, 0)) + value)).tolist() == [[9]]
    assert "[1, 4]" in refused(core, framed(5, framed_indexes((1, 4)) + value))[1]


def test_what_knows_that_it_is_absent_is_missing_and_a_plain_field_is_0(protos):
    built = codec(protos, ["temp", "howMany", *MAY_LACK], missing=MAY_LACK)
    row = built.decode(encoded(protos, 'id: "x" volt: 0 values { key: "a" value: 1 }'))[0]
    assert row[:3].tolist() == [0, 0, 0]
    assert np.isnan(row[3:]).all()


@pytest.mark.parametrize(("text", "volt", "amp", "depth"), [
    ("volt: 1 amp: 2", None, None, None), ("volt: 1", 1, None, None), ("amp: 0", None, 0, None),
    ("cell { depth: 3 }", None, None, 3), ("cell {}", None, None, 0),
])  # fmt: skip
def test_of_a_oneof_the_last_one_counts(protos, text, volt, amp, depth):
    names = ("volt", "amp", "cell.depth")
    built = codec(protos, names, missing=names)
    if (
        text == "volt: 1 amp: 2"
    ):  # protoc encodes no such text: as two messages, one after the other
        value, (volt, amp) = encoded(protos, "volt: 1") + encoded(protos, "amp: 2"), (None, 2)
    else:
        value = encoded(protos, text)
    wanted = [np.nan if number is None else number for number in (volt, amp, depth)]
    np.testing.assert_array_equal(built.decode(value), [wanted])


def test_an_enum_is_a_category_by_its_name(protos):
    words = features("state", words=("state",))
    settings = CodecSettings(
        (1,), features=words, message="plant.Reading",
        descriptor=(protos / "plant.proto.pb").read_bytes(),
    )  # fmt: skip
    built = ProtobufCodec(settings)
    other = 2
    for text, position in (("state: on", 0), ("state: off", 1), ("temp: 1", other)):
        assert built.decode(encoded(protos, text)).tolist() == [[position]]


def test_proto2_is_read_with_required_fields_groups_and_declared_defaults(protos):
    names = ("temp", "level", "steps.1", "motor.rpm", "open", "depth")
    built = codec(protos, names, "legacy", missing=names[1:], truths=("open",))
    text = "temp: 1.5 level: 2.5 steps: [3, 4] Motor { rpm: 9 } open: true depth: 0"
    text += " [legacy.extra]: 8"
    assert built.decode(encoded(protos, text, "legacy")).tolist() == [[1.5, 2.5, 4, 9, 1, 0]]
    row = built.decode(encoded(protos, "temp: -1", "legacy"))[0]
    assert row[:2].tolist() == [-1, 7.5]
    assert np.isnan(row[2:]).all()


def test_editions_are_read_with_presence_as_each_field_has_it(protos):
    names = ("temp", "count", "steps.0")
    built = codec(protos, names, "later", missing=names)
    value = encoded(protos, "temp: 0 steps: 7", "later")
    assert built.decode(value).tolist() == [[0, 0, 7]]
    row = built.decode(encoded(protos, "count: 2", "later"))[0]
    assert np.isnan(row[[0, 2]]).all()
    assert row[1] == 2


def test_a_set_without_its_imports_is_refused_with_what_is_missing(protos, tmp_path):
    protoc(protos, f"--descriptor_set_out={tmp_path / 'alone.pb'}", "plant.proto")
    settings = CodecSettings(
        (1,), features=features("temp"), message="plant.Reading",
        descriptor=(tmp_path / "alone.pb").read_bytes(),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"parts/motor\.proto"):
        ProtobufCodec(settings)
