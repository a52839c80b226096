"""Payloads to try: bombs, random ones, and valid ones that are edited. Seed and index make each."""

from __future__ import annotations

import math
from random import Random

from monitor.codecs import CODECS
from tests.asked import Asked
from tests.fuzz import edits
from tests.fuzz.arrow_edits import EDITS as ARROW_EDITS
from tests.fuzz.avro_edits import EDITS as AVRO_EDITS
from tests.fuzz.bombs import BOMBS
from tests.fuzz.check import Variant
from tests.fuzz.edits import Edit
from tests.fuzz.json_edits import EDITS as JSON_EDITS
from tests.fuzz.json_edits import other_frame
from tests.fuzz.msgpack_edits import EDITS as MSGPACK_EDITS
from tests.fuzz.number_edits import NPY_EDITS, RAW_EDITS
from tests.fuzz.picture_edits import edit_picture
from tests.fuzz.protobuf_edits import EDITS as PROTOBUF_EDITS
from tests.fuzz.seeds import VARIANTS, seeds

CODEC_EDITS: Asked[tuple[Edit, ...]] = Asked(
    "tests/fuzz/payloads.py: add edits that know the format of codec {} to CODEC_EDITS",
    {
        "json": JSON_EDITS,
        "json-schema": (*JSON_EDITS, other_frame),
        "raw": RAW_EDITS,
        "npy": NPY_EDITS,
        "image": (edit_picture,),
        "msgpack": MSGPACK_EDITS,
        "avro": AVRO_EDITS,
        "protobuf": PROTOBUF_EDITS,
        "arrow": ARROW_EDITS,
    },
)
CODEC_NAMES = tuple(CODECS)
MAX_EDITS = 3
MAX_BYTES = 2**20
"""Of an edited payload: edits that repeat things would soon fill the memory by themselves."""
SMALL_BOMB_BYTES = (2**10, 2**16)


def payload_at(codec: str, seed: int, index: int, bomb_bytes: int) -> tuple[Variant, bytes | None]:
    """The payload of an index, and the variant that it is for.

    The first are all the bombs, of `bomb_bytes`, and what no codec gets to see.
    """
    variant, bombs = VARIANTS[codec][0], tuple(BOMBS[codec].values())
    if index < len(bombs):
        return variant, bombs[index](bomb_bytes)
    if index < len(bombs) + 3:
        too_long = bytes(variant.limits.max_record_bytes + 1)
        return variant, (None, b"", too_long)[index - len(bombs)]
    rng = Random(f"{seed}/{codec}/{index}")
    variant = rng.choice(VARIANTS[codec])
    return variant, _payload(rng, variant)


def _payload(rng: Random, variant: Variant) -> bytes:
    kind = rng.random()
    if kind < 0.02:
        return rng.choice(tuple(BOMBS[variant.codec].values()))(rng.randint(*SMALL_BOMB_BYTES))
    if kind < 0.12:
        return _random(rng, variant)
    return mutated(rng, variant.codec, rng.choice(seeds(variant)))


def _random(rng: Random, variant: Variant) -> bytes:
    """Random bytes; half the time as many as rows of small numbers have."""
    row = math.prod(variant.settings.record_shape)
    lengths = (rng.randint(0, 300), row, 2 * row, 4 * row, 8 * row)
    return rng.randbytes(rng.choice(lengths))


def mutated(rng: Random, codec: str, value: bytes) -> bytes:
    """The payload after a few edits, most of which know its format."""
    for _ in range(rng.randint(0, MAX_EDITS)):
        known = rng.random() < 0.8
        value = rng.choice(CODEC_EDITS[codec] if known else edits.EDITS)(rng, value)[:MAX_BYTES]
    return value
