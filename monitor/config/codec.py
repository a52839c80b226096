"""How payloads become rows: the section `codec`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from monitor.config.names import CODEC_WORDS, CodecName
from monitor.config.section import Section

Positive = Annotated[int, Field(ge=1)]


Wrap = Literal["base64", "gzip", "zstd"]


class SchemaRegistryConfig(Section):
    """Where the schemas are that payloads name by id."""

    url: str = Field(
        pattern=r"^https?://[^\s@/]+(/[^\s@]*)?$",
        description="Address of the Schema Registry, without user or password.",
    )
    user_file: Path | None = Field(None, description="File that holds the user's name.")
    password_file: Path | None = Field(None, description="File that holds the password.")
    ca_file: Path | None = Field(None, description="Authorities to trust, instead of the system's.")
    timeout_seconds: float = Field(3, ge=0.1, le=30, description="Longest time for a lookup.")

    @model_validator(mode="after")
    def _login(self) -> Self:
        if (self.user_file is None) != (self.password_file is None):
            raise ValueError("give both user_file and password_file, or neither")
        return self


class CodecConfig(Section):
    """How payloads become rows. Shape and dtype default to those of the training data."""

    name: CodecName = Field(description=CODEC_WORDS)
    dtype: str | None = Field(None, description="raw: type of one number, such as uint8.")
    shape: tuple[Positive, ...] | None = Field(
        None, description="Shape of one row, such as [28, 28]; must fit the model."
    )
    byte_order: Literal["little", "big"] = Field("little", description="raw: order of bytes.")
    rows: Literal["one", "many"] = Field(
        "one",
        description="raw: many takes a payload of twice the length for two rows; json, npy,"
        " msgpack: three or four grey pictures, which one takes for the channels of one.",
    )
    field: str | None = Field(
        None,
        description="json, json-schema, msgpack, avro, protobuf, arrow: path to the list or object,"
        " as payload.values.",
    )
    numbers_as_text: bool = Field(
        False, description='By name: "21.5" is a number, and "" a missing value.'
    )
    by_position: bool = Field(
        False, description="Lists are taken in the features' order, though these have names."
    )
    extra: Literal["ignore", "refuse"] = Field(
        "ignore", description="Keys of an object that are none of the model's features."
    )
    registry: SchemaRegistryConfig | None = Field(
        None,
        description="avro, protobuf, json-schema: the Schema Registry; payloads then begin with"
        " 0x00 and an id.",
    )
    schema_file: Path | None = Field(
        None, description="avro: the schema of payloads that name none."
    )
    descriptor: Path | None = Field(
        None, description="protobuf: what protoc --descriptor_set_out --include_imports made."
    )
    message: str | None = Field(
        None, description="protobuf: full name of the message, as plant.Reading."
    )
    wrap: tuple[Wrap, ...] = Field(
        (), description="base64, gzip or zstd around payloads, or a list of them, outermost first."
    )
    max_record_bytes: int = Field(
        8 * 2**20,
        ge=1,
        description="Larger payloads become dead letters, wrapped or unwrapped.",
    )
    max_rows_per_record: int = Field(
        4096, ge=1, description="Records with more rows become dead letters."
    )
    max_pixels: int = Field(
        2**24, ge=64, description="image: larger pictures are refused before decoding."
    )

    @field_validator("wrap", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


WITHOUT_MEMORY: Final = frozenset({"registry", "schema_file", "descriptor", "message"})
"""Keys that change no row: what is remembered of the stream does not depend on them."""
LATER: Final = ("rows", "numbers_as_text", "by_position", "extra", "wrap")
"""Keys that came later: left out of the fingerprint at their defaults."""


def identity(codec: CodecConfig) -> dict[str, Any]:
    """What the memory of the stream depends on."""
    fields, unchanged = type(codec).model_fields, set(WITHOUT_MEMORY)
    for key in LATER:
        if getattr(codec, key) == fields[key].get_default(call_default_factory=True):
            unchanged.add(key)
    return codec.model_dump(mode="json", exclude=unchanged)
