"""Offsets that a consumer group has stored, the bounds of a partition, and which topic it is of."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.stream.records import Partition

_UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class Committed:
    """What the consumer group has stored for a partition: the next offset, and a note."""

    offset: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Assigned:
    """A partition that is ours from now on.

    committed: what the group has stored for it, if anything. earliest, latest: its first offset,
    and one past its last. identity: of the topic, see `identity_of`; empty if nobody could be
    asked. group_is_new: the group has stored nothing for any partition of the topic. elsewhere:
    what it had stored for the topic's other partitions, of the first that are ours; then nothing.
    """

    committed: Committed | None
    earliest: int
    latest: int
    identity: str = ""
    group_is_new: bool = True
    elsewhere: Mapping[Partition, Committed] = field(default_factory=dict)


def identity_of(cluster_id: object, topic_id: object) -> str:
    """Which topic it is, whatever its name: short enough for the note beside an offset.

    A topic that is made anew gets another id; so does its copy on another cluster. "-" stands for
    what the brokers do not tell.
    """
    return f"{_digest(cluster_id, 6)}.{_digest(topic_id, 8)}"


def _digest(value: object, length: int) -> str:
    if not value or not str(value).strip("0-"):
        return _UNKNOWN
    digest = urlsafe_b64encode(hashlib.sha256(str(value).encode()).digest()).decode()
    return digest.replace("-", ".")[:length].replace(".", "0")


def is_other(one: str, other: str) -> bool:
    """True if two identities are of different topics; what is not known is no difference."""
    pairs = zip(one.split("."), other.split("."), strict=False)
    return any(a != b for a, b in pairs if _UNKNOWN not in (a, b) and a and b)
