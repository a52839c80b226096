"""From the configuration to what decodes: the codec with all that surrounds it."""

from __future__ import annotations

import math

import structlog

from models.input_spec import InputSpec
from monitor.codecs import CODECS, Codec, CodecSettings
from monitor.codecs.decoding import Decoder, Limits, decoder
from monitor.config.codec import CodecConfig
from monitor.errors import ConfigError

log = structlog.get_logger(__name__)


def build_decoder(codec: CodecConfig, spec: InputSpec) -> Decoder:
    """From payloads to the model's rows; raises ConfigError if codec and model do not fit."""
    limits = Limits(codec.max_record_bytes, codec.max_rows_per_record)
    flat = codec.shape is not None and len(codec.shape) < len(spec.record_shape)
    shape = spec.record_shape if flat else None
    return decoder(build_codec(codec, spec), limits, shape, spec.schema, codec.name)


def build_codec(codec: CodecConfig, spec: InputSpec) -> Codec:
    """The codec, with shape and dtype of the training data where the configuration has none.

    Raises ConfigError if it cannot carry what the model takes.
    """
    shape = codec.shape or spec.record_shape
    flat = (math.prod(spec.record_shape),)
    if shape not in (spec.record_shape, spec.shape, flat):
        raise ConfigError(
            f"codec.shape: {list(shape)} does not fit the model, which takes"
            f" {list(spec.record_shape)}. Leave it out to use the model's."
        )
    if codec.name == "image" and spec.dtype != "uint8":
        raise ConfigError(
            f"codec.name: image gives uint8 pixels, but the model was trained on {spec.dtype}."
            " Train it on uint8 images, or send raw, npy or json."
        )
    settings = CodecSettings(
        record_shape=shape,
        dtype=codec.dtype or spec.dtype,
        byte_order=codec.byte_order,
        field=codec.field,
        max_pixels=codec.max_pixels,
        max_rows=codec.max_rows_per_record,
        rows=codec.rows,
    )
    try:
        return CODECS[codec.name](settings)
    except ValueError as error:
        raise ConfigError(f"codec: {error}.") from None
