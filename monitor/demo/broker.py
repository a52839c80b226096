"""An embedded broker: the mock cluster inside librdkafka, on a port of 127.0.0.1.

It speaks Kafka's protocol, keeps about 5 MB a partition in memory, and serves one consumer
well. It is for the demo, never for real data.
"""

from __future__ import annotations

from monitor.errors import UserError

API_VERSION = (2, 3)
"""The mock cluster answers this version's requests, but cannot tell its version itself."""
START_SECONDS = 10.0


class EmbeddedBroker:
    """Runs inside a `with` block, which gets its HOST:PORT; its records are gone after it."""

    def __enter__(self) -> str:
        try:
            from confluent_kafka import Producer
        except ImportError:
            raise UserError(
                "the demo's embedded broker needs a package that is not installed."
                " Install it with: pip install 'aead-monitor[demo]',"
                " or use your own Kafka with --bootstrap-servers"
            ) from None
        # The mock cluster lives as long as the client object that asked for it.
        self._client = Producer({"test.mock.num.brokers": 1, "log_level": 3})
        brokers = self._client.list_topics(timeout=START_SECONDS).brokers.values()
        return ",".join(f"{b.host}:{b.port}" for b in brokers)

    def __exit__(self, *error: object) -> None:
        del self._client
