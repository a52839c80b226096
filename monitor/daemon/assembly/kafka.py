"""Builds what talks to Kafka from a configuration."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from monitor.config import Config
from monitor.config.file import read_secret
from monitor.config.kafka import FORMER_GROUP, KafkaConfig, default_group
from monitor.daemon.assembly.sasl import kerberos_of_librdkafka, sasl_options
from monitor.daemon.publisher import Publisher, TransactionalPublisher
from monitor.errors import ConfigError
from monitor.metrics import Metrics
from monitor.pipeline.events import EventsOf, events_of
from monitor.pipeline.score_events import encoder
from monitor.process.deadline import Deadline
from monitor.stream import confluent_options
from monitor.stream.client_options import check_options
from monitor.stream.events import KINDS
from monitor.stream.kafka_options import Connection
from monitor.stream.sinks import Sink, TransactionalSink
from monitor.stream.sinks.kafka import KafkaSink
from monitor.stream.sinks.topics import Topics
from monitor.stream.sinks.transactions import TransactionalKafkaSink
from monitor.stream.sources import Source
from monitor.stream.sources.former_group import FormerOffsets, former_offsets
from monitor.stream.sources.kafka import KafkaSource
from monitor.stream.sources.subscription import Subscription


def build_connection(kafka: KafkaConfig, deadline: Deadline | None = None) -> Connection:
    """Connection options with the secrets read; raises ConfigError for unreadable files.

    deadline: by when nobody waits for the brokers any more.
    """
    security: dict[str, Any] = {"security_protocol": kafka.security_protocol}
    native: dict[str, Any] = {}
    if kafka.tls is not None:
        security.update(_tls_options(kafka))
    if kafka.sasl is not None:
        security.update(sasl_options(kafka.sasl))
        native.update(kerberos_of_librdkafka(kafka.sasl))
    more: dict[str, Any] = {}
    if kafka.client_rack is not None:
        more["client_rack"] = native["client.rack"] = kafka.client_rack
    options = check_options(kafka.client, kafka.options) if kafka.options else {}
    (native if kafka.client == "confluent" else more).update(options)
    return Connection(
        kafka.bootstrap_servers, security, kafka.api_version, kafka.client_id, more, native,
        deadline or Deadline(),
    )  # fmt: skip


def _tls_options(kafka: KafkaConfig) -> dict[str, Any]:
    tls = kafka.tls
    if tls is None:
        return {}
    options: dict[str, Any] = {"ssl_check_hostname": tls.check_hostname}
    files = {"ca_file": "ssl_cafile", "cert_file": "ssl_certfile", "key_file": "ssl_keyfile"}
    for name, option in files.items():
        path: Path | None = getattr(tls, name)
        if path is not None and not path.is_file():
            raise ConfigError(f"kafka.tls.{name}: no such file: {path}. Name a PEM file.")
        if path is not None:
            options[option] = str(path)
    if tls.key_password_file is not None:
        options["ssl_password"] = read_secret(tls.key_password_file, "kafka.tls.key_password_file")
    _check_certificates(options)
    return options


def _check_certificates(options: Mapping[str, Any]) -> None:
    """Read the files now: later, a bad one looks like a broker that is away."""
    try:
        context = ssl.create_default_context(cafile=options.get("ssl_cafile"))
        if "ssl_certfile" in options:
            context.load_cert_chain(
                options["ssl_certfile"], options["ssl_keyfile"], options.get("ssl_password", "")
            )
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(
            f"kafka.tls: cannot use ca_file, cert_file and key_file: {error}."
            " They must be PEM files, the key with its right password."
        ) from None


def build_subscription(kafka: KafkaConfig) -> Subscription:
    """The topic and the group."""
    return Subscription(
        topic=kafka.topic,
        group=kafka.group,
        instance=kafka.instance,
        eager=kafka.rebalance == "eager",
        protocol=kafka.group_protocol,
        read_committed=kafka.isolation == "read_committed",
        session_timeout_seconds=kafka.session_timeout_seconds,
        max_poll_interval_seconds=kafka.max_poll_interval_seconds,
        fetch_max_bytes=kafka.fetch_max_bytes,
    )


def check_client(kafka: KafkaConfig) -> None:
    """Raise LibraryError if the client that is asked for is not installed."""
    if kafka.client == "confluent":
        confluent_options.check()
        if kafka.sasl is not None and kafka.sasl.mechanism == "GSSAPI":
            confluent_options.check_kerberos()


def build_source(kafka: KafkaConfig, connection: Connection) -> Source:
    """Where records come from."""
    return make_source(kafka.client, connection, build_subscription(kafka))


def build_former_offsets(kafka: KafkaConfig, connection: Connection) -> FormerOffsets | None:
    """Where an earlier version kept its place, if the group's name is the default."""
    if kafka.group != default_group(kafka.topic):
        return None
    return former_offsets(connection, FORMER_GROUP)


def make_source(client: str, connection: Connection, subscription: Subscription) -> Source:
    """A member of the group, by one of `kafka.client`'s names; connects when first polled."""
    if client == "confluent":
        from monitor.stream.sources.confluent import ConfluentSource

        return ConfluentSource(connection, subscription)
    return KafkaSource(connection, subscription)


def make_sink(client: str, connection: Connection, topics: Topics) -> Sink:
    """Where events go, by one of `kafka.client`'s names; connects when first used."""
    if client == "confluent":
        from monitor.stream.sinks.confluent import ConfluentSink

        return ConfluentSink(connection, topics)
    return KafkaSink(connection, topics)


def make_transactional_sink(
    client: str, connection: Connection, topics: Topics, name: str, timeout_seconds: float = 60.0
) -> TransactionalSink:
    """Where events and offsets go, by one of `kafka.client`'s names. name: the transactional id."""
    if client == "confluent":
        from monitor.stream.sinks.confluent import TransactionalConfluentSink

        return TransactionalConfluentSink(connection, topics, name, timeout_seconds)
    return TransactionalKafkaSink(connection, topics, name, timeout_seconds)


def _topics(config: Config) -> Topics:
    topics = ((kind, config.topic_for(kind)) for kind in KINDS)
    names = {kind: topic for kind, topic in topics if topic is not None}
    outputs = config.outputs
    drop = outputs.refused == "drop"
    return Topics(names, outputs.create_topics, outputs.max_message_bytes, drop)


def build_events(config: Config) -> EventsOf:
    """What says to the outside what was decided."""
    outputs = config.outputs
    scores = encoder(outputs.scores_format) if outputs.scores is not None else None
    return partial(
        events_of,
        letter_key=config.dead_letters.key,
        scores=scores,
        values=outputs.explain_values,
        pages=config.http.external_url,
    )


def build_publisher(
    config: Config, connection: Connection, writer: str, metrics: Metrics
) -> Publisher:
    """Where events and offsets go. writer: id of the state."""
    topics = _topics(config)
    if not config.kafka.transactions:
        return Publisher(make_sink(config.kafka.client, connection, topics), metrics)
    name = f"{config.kafka.group}-{config.kafka.instance or writer}"
    timeout = min(60.0, config.kafka.session_timeout_seconds)
    sink = make_transactional_sink(config.kafka.client, connection, topics, name, timeout)
    return TransactionalPublisher(sink, metrics)
