"""Events to Kafka topics through librdkafka, the second client.

The topics are made by kafka-python, as with the other client.
"""

from __future__ import annotations

from monitor.stream.sinks.confluent.sink import ConfluentSink
from monitor.stream.sinks.confluent.transactions import TransactionalConfluentSink

__all__ = ["ConfluentSink", "TransactionalConfluentSink"]
