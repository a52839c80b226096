"""What to say of a member that has no partitions: why it has none, as far as can be told."""

from __future__ import annotations

from typing import Final

IDLE_COMPLAINT_SECONDS: Final = 15.0
"""How often that is said."""
NO_TOPIC: Final = (
    "no partitions assigned: the topic does not exist, or may not be seen. Create it, or check"
    " kafka.topic and the permissions"
)
JOINING: Final = (
    "no partitions assigned yet: the group waits for all its members. One that ended without"
    " leaving is counted out when its session is over"
)
NONE_LEFT: Final = (
    "no partitions assigned: the group has more members than the topic has partitions"
)
UNBALANCED: Final = (
    "no partitions assigned, though some have no member: the group is joined anew in a while"
)
UNANSWERED: Final = (
    "no partitions assigned, and the brokers do not answer in time which ones the topic has"
)


def without_partitions(topic_known: bool | None, joined: bool, balanced: bool) -> str:
    """The line for it.

    topic_known: brokers tell of the topic; None if they do not answer. joined: the group has let
    us in. balanced: every partition has a member, as far as is known.
    """
    if topic_known is False:
        return NO_TOPIC
    if not joined:
        return JOINING
    if topic_known is None:
        return UNANSWERED
    return NONE_LEFT if balanced else UNBALANCED
