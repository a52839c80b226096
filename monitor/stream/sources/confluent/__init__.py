"""Records from a Kafka topic through librdkafka: the second client, and the faster one.

The package confluent-kafka is an extra. What librdkafka does otherwise than kafka-python, and
which of its faults are worked around here, is in docs/kafka-client.md.
"""

from __future__ import annotations

from monitor.stream.sources.confluent.source import ConfluentSource

__all__ = ["ConfluentSource"]
