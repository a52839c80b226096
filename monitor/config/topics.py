"""Topics must not meet: neither by their names, nor by what Kafka makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OUTPUTS: Final = {
    "anomalies": "anomaly",
    "dead_letters": "dead_letter",
    "alerts": "alert",
    "scores": "score",
}
"""Keys of the section outputs, and the kinds of events."""


def check_topics(names: Mapping[str, str], receivers: Mapping[str, str]) -> None:
    """Raise ValueError for a topic with two uses, and for two that Kafka refuses beside another.

    names: topics by their keys in the configuration, kafka.topic first. receivers: topics of
    receivers of retraining requests, by their names; two of those may share one.
    """
    users = dict[str, str]()
    for key, topic in names.items():
        other = users.setdefault(_metric_name(topic), key)
        if other != key:
            _refuse(key, "be", topic, other, names[other])
    for name, topic in receivers.items():
        user = users.get(_metric_name(topic))
        if user is not None:
            _refuse(f"retraining.receivers: {name}", "write to", topic, user, names[user])


def _metric_name(topic: str) -> str:
    """What must differ of two topics: Kafka has metrics in which the dot is an underscore."""
    return topic.replace(".", "_")


def _refuse(who: str, does: str, topic: str, other: str, its_topic: str) -> None:
    if topic != its_topic:
        raise ValueError(
            f"{who} must not {does} {topic} beside {other} {its_topic}: Kafka refuses names that"
            " differ in dots and underscores alone"
        )
    reason = "give each its own topic"
    if other == "kafka.topic":
        reason = "the daemon would read what it wrote"
    raise ValueError(f"{who} must not {does} {other}: {reason}")
