"""From the configuration to what decodes: the codec with all that surrounds it."""

from __future__ import annotations

import math
from pathlib import Path

import structlog

from models.bundle import Bundle
from models.files import read_bounded
from models.input_spec import InputSpec
from models.schema import Schema
from monitor.codecs import Codec, CodecSettings
from monitor.codecs.decoding import Decoder, Limits, decoder
from monitor.codecs.plugins import builder
from monitor.codecs.wrapped import Wrapped
from monitor.config.codec import CodecConfig, SchemaRegistryConfig
from monitor.daemon.schema_registry import Access, SchemaRegistry
from monitor.errors import ConfigError
from monitor.pictures.form import resized_to

PIXELS = frozenset({"uint8", "uint16"})
"""Types of the pixels that pictures have."""
NAMELESS = frozenset({"raw", "npy", "image"})
"""Codecs of numbers in order, and nothing else."""
WAYS = {
    "avro": ("registry", "schema_file"),
    "protobuf": ("registry", "descriptor"),
    "json-schema": ("registry",),
}
"""Where the schemas of a format may be: keys of the configuration, one of which is set."""
_MEANING = {
    "registry": "the Schema Registry whose ids are in the payloads",
    "schema_file": "the schema of payloads without one",
    "descriptor": "what protoc --descriptor_set_out --include_imports made",
}
_SCHEMA_BYTES = 2**20

log = structlog.get_logger(__name__)


def build_decoder(
    codec: CodecConfig, spec: InputSpec, resized: bool = False, beside: tuple[str, ...] = ()
) -> Decoder:
    """From payloads to the model's rows; raises ConfigError if codec and model do not fit."""
    limits = Limits(codec.max_record_bytes, codec.max_rows_per_record)
    flat = codec.shape is not None and len(codec.shape) < len(spec.payload_shape)
    shape = spec.payload_shape if flat else None
    built = build_codec(codec, spec, resized, beside)
    return decoder(built, limits, shape, spec.schema, codec.name)


def build_codec(
    codec: CodecConfig, spec: InputSpec, resized: bool = False, beside: tuple[str, ...] = ()
) -> Codec:
    """The codec, with shape and dtype of the training data where the configuration has none.

    resized: pictures of other sizes are brought to the model's. beside: see `CodecSettings`.
    Raises ConfigError if the codec cannot carry what the model takes.
    """
    shape = codec.shape or spec.payload_shape
    flat = (math.prod(spec.payload_shape),)
    known = (spec.payload_shape, flat) if spec.window else (spec.payload_shape, spec.shape, flat)
    if shape not in known:
        raise ConfigError(
            f"codec.shape: {list(shape)} does not fit the model, which takes"
            f" {list(spec.payload_shape)}. Leave it out to use the model's."
        )
    if codec.name == "image" and spec.dtype not in PIXELS:
        raise ConfigError(
            "codec.name: image gives uint8 pixels, or uint16 of grey, but the model was trained on"
            f" {spec.dtype}. Train it on such images, or send raw, npy or json."
        )
    _check_names(codec, spec)
    _check_schemas(codec)
    settings = CodecSettings(
        record_shape=shape,
        dtype=codec.dtype or spec.dtype,
        byte_order=codec.byte_order,
        field=codec.field,
        max_pixels=codec.max_pixels,
        resized=resized,
        max_rows=codec.max_rows_per_record,
        rows=codec.rows,
        features=spec.schema if shape == spec.payload_shape else Schema(),
        numbers_as_text=codec.numbers_as_text,
        by_position=codec.by_position,
        refuse_extra=codec.extra == "refuse",
        beside=beside,
        schemas=None if codec.registry is None else build_registry(codec.registry),
        schema_text=None if codec.schema_file is None else _text_of(codec.schema_file),
        descriptor=None if codec.descriptor is None else _bytes_of(codec.descriptor, "descriptor"),
        message=codec.message,
        say=Once(),
    )
    try:
        built = builder(codec.name)(settings)
    except ValueError as error:
        raise ConfigError(f"codec: {error}.") from None
    if not codec.wrap:
        return built
    return Wrapped(built, codec.wrap, codec.max_record_bytes, codec.name)


def is_resized(bundle: Bundle) -> bool:
    """Whether the model learned pictures that `train --resize` had brought to its size."""
    spec = bundle.input_spec
    return spec.is_image and resized_to(bundle.metadata) == (spec.shape[2], spec.shape[1])


def _check_names(codec: CodecConfig, spec: InputSpec) -> None:
    """Raise ConfigError where numbers would stand for values of categories."""
    categories = [f.name for f in spec.schema.features if f.kind == "category"]
    if categories and codec.name in NAMELESS and not codec.by_position:
        raise ConfigError(
            f"codec.name: {codec.name} carries no names and no text, but {categories[0]!r} is a"
            " category. Send json, or set codec.by_position: true if the producer sends the"
            " position of each value in the model's list"
        )


def _check_schemas(codec: CodecConfig) -> None:
    """Raise ConfigError for a format with schemas that has none, or for two ways to them."""
    if codec.name not in WAYS:
        return
    given = [key for key in WAYS[codec.name] if getattr(codec, key) is not None]
    if len(given) != 1:
        either = " or ".join(f"codec.{key} ({_MEANING[key]})" for key in WAYS[codec.name])
        first = "either " if len(WAYS[codec.name]) > 1 else ""
        raise ConfigError(f"codec.name: {codec.name} needs {first}{either}")
    if codec.descriptor is not None and codec.message is None:
        raise ConfigError(
            "codec.message: which message of codec.descriptor the payloads are, as plant.Reading"
        )


def build_registry(config: SchemaRegistryConfig) -> SchemaRegistry:
    """The client of a Schema Registry; connects to nothing yet."""
    return SchemaRegistry(
        Access(
            config.url, config.user_file, config.password_file, config.ca_file,
            config.timeout_seconds,
        )
    )  # fmt: skip


def _text_of(path: Path) -> str:
    try:
        return _bytes_of(path, "schema_file").decode("utf-8")
    except UnicodeDecodeError:
        text = f"codec.schema_file: cannot read {path}: not UTF-8 text"
        raise ConfigError(text) from None


def _bytes_of(path: Path, key: str) -> bytes:
    try:
        data = read_bounded(path, _SCHEMA_BYTES)
    except OSError as error:
        raise ConfigError(f"codec.{key}: cannot read {path}: {error.strerror}") from None
    if data is None:
        raise ConfigError(f"codec.{key}: {path} is larger than {_SCHEMA_BYTES} bytes")
    return data


class Once:
    """Writes each text to the log once."""

    def __init__(self) -> None:
        self._said = set[str]()

    def __call__(self, text: str) -> None:
        """Write it, unless it was written before."""
        if text not in self._said:
            self._said.add(text)
            log.warning("to know of the payloads", what=text)
