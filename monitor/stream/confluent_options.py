"""Connection settings in the words of librdkafka, which confluent-kafka brings.

The package is an extra: nothing here imports it before `check` has looked for it.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any, Final

from monitor.errors import LibraryError
from monitor.stream.kafka_options import Connection

TESTED: Final = "2.16.1"
"""The version of confluent-kafka that our tests ran with."""
OLDEST: Final = (2, 12)
"""The first whose librdkafka has the consumer protocol in its final form (KIP-848)."""

_SAME_WORDS: Final = {
    "security_protocol": "security.protocol",
    "ssl_cafile": "ssl.ca.location",
    "ssl_certfile": "ssl.certificate.location",
    "ssl_keyfile": "ssl.key.location",
    "ssl_password": "ssl.key.password",
    "sasl_mechanism": "sasl.mechanism",
    "sasl_plain_username": "sasl.username",
    "sasl_plain_password": "sasl.password",
    "sasl_kerberos_service_name": "sasl.kerberos.service.name",
}


def check() -> None:
    """Raise LibraryError if confluent-kafka is not installed, or is too old."""
    install = "Install it: pip install 'aead-monitor[confluent]'"
    try:
        version = str(import_module("confluent_kafka").__version__)
    except ImportError as error:
        raise LibraryError(
            f"kafka.client: confluent needs the package confluent-kafka, which is not there"
            f" ({error}). {install}; or set kafka.client to kafka-python"
        ) from None
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise LibraryError(
            f"kafka.client: confluent needs confluent-kafka {'.'.join(map(str, OLDEST))} or later,"
            f" and {version} is installed. {install}"
        )


def check_kerberos() -> None:
    """Raise LibraryError if this confluent-kafka was built without Kerberos, as most are."""
    library = import_module("confluent_kafka")
    settings = {
        "group.id": "check", "log_level": 0, "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "GSSAPI",
    }  # fmt: skip
    try:
        library.Consumer(settings).close()
    except library.KafkaException as error:
        raise LibraryError(
            f"kafka.sasl.mechanism: GSSAPI is not in the installed confluent-kafka"
            f" ({error.args[0].str()}). Build it with libsasl2, or set kafka.client to kafka-python"
        ) from None


def options(connection: Connection) -> dict[str, Any]:
    """Options common to consumer and producer. Raises TokenError if there is no token to log in."""
    security = connection.security
    known = {_SAME_WORDS[name]: value for name, value in security.items() if name in _SAME_WORDS}
    provider = security.get("sasl_oauth_token_provider")
    if provider is not None:
        provider.token()  # librdkafka would wait for it in vain, and say less
        known["oauth_cb"] = lambda _: _token(provider)
    if not security.get("ssl_check_hostname", True):
        known["ssl.endpoint.identification.algorithm"] = "none"
    return {
        "bootstrap.servers": ",".join(part.strip() for part in connection.servers.split(",")),
        "client.id": connection.name,
        # No request waits longer for its answer; a commit without a broker ends by it.
        "socket.timeout.ms": 20_000,
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 5000,
        # A misspelt topic must not come to life because we asked for it.
        "allow.auto.create.topics": False,
        "topic.metadata.refresh.interval.ms": 10_000,
        **known,
        **connection.native,
    }


def _token(provider: Any) -> tuple[str, float, str, dict[str, str]]:
    """Token, when it is over, whose it is (which the broker decides), and what goes beside it."""
    text = provider.token()
    return text, provider.expires(), "", provider.extensions()


_OTHERS: Final = (
    "will be ignored by this consumer instance",
    "will be ignored by this producer instance",
)
"""Ends what is said of `kafka.options` that only the other kind of client knows."""


class LibraryLog:
    """Takes librdkafka's log lines into ours, as the `logger` of a client."""

    def __init__(self) -> None:
        self._log = logging.getLogger("confluent_kafka")

    def log(self, level: int, form: str, *arguments: object) -> None:
        """Called by confluent-kafka with a level of Python's, a format, and what goes into it."""
        # The whole text is the message, without how long it took: by it, repeated lines are known.
        text = (form % arguments).split(" (after ")[0]
        if not text.endswith(_OTHERS):
            self._log.log(level, text)
