"""Settings of a client of Kafka that users may give in the client's own words, and those not.

What the daemon's promises rest on is the daemon's own: each such setting is refused by its name,
with the key that has its place, if there is one.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any, Final

Value = str | int | float | bool

_DAEMON: Final = "the daemon sets it"
_TLS: Final = "the section kafka.tls has its place"
_SASL: Final = "the section kafka.sasl has its place"
_LIMITS: Final = "the daemon has time limits of its own"
OWNED: Final[Mapping[str, str]] = {
    "bootstrap_servers": "set kafka.bootstrap_servers",
    "client_id": "set kafka.client_id",
    "client_rack": "set kafka.client_rack",
    "group_id": "set kafka.group",
    "group_instance_id": "set kafka.instance",
    "group_protocol": "set kafka.group_protocol",
    "security_protocol": "set kafka.security_protocol",
    "api_version": "set kafka.api_version",
    "isolation_level": "set kafka.isolation",
    "session_timeout_ms": "set kafka.session_timeout_seconds",
    "max_poll_interval_ms": "set kafka.max_poll_interval_seconds",
    "max_poll_records": "set batch.max_records",
    "fetch_max_bytes": "set kafka.fetch_max_bytes",
    "max_request_size": "set outputs.max_message_bytes",
    "message_max_bytes": "set outputs.max_message_bytes",
    "partition_assignment_strategy": "set kafka.rebalance",
    "transactional_id": "set kafka.transactions",
    "auto_offset_reset": "set kafka.start and kafka.out_of_range",
    **dict.fromkeys(
        (
            "acks", "allow_auto_create_topics", "auto_commit_enable", "auto_commit_interval_ms",
            "bootstrap_timeout_ms", "queuing_strategy", "offset_store_method",
            "check_crcs", "consumer_timeout_ms", "delivery_report_only_error",
            "enable_auto_commit", "enable_auto_offset_store", "enable_gapless_guarantee",
            "enable_idempotence", "enable_partition_eof", "enabled_events", "heartbeat_interval_ms",
            "internal_termination_signal", "log_queue", "max_in_flight",
            "max_in_flight_requests_per_connection", "message_send_max_retries",
            "metadata_broker_list", "metric_group_prefix", "metrics_enabled",
            "plugin_library_paths", "produce_offset_report", "queued_max_messages_kbytes",
            "receive_message_max_bytes", "request_required_acks", "retries",
            "statistics_interval_ms", "test_mock_broker_rtt", "test_mock_num_brokers",
            "transaction_timeout_ms",
        ),
        _DAEMON,
    ),
    **dict.fromkeys(
        (
            "delivery_timeout_ms", "max_block_ms", "message_timeout_ms", "request_timeout_ms",
            "socket_timeout_ms",
        ),
        _LIMITS,
    ),
}  # fmt: skip
"""Names with underscores for dots, and what to do instead."""
_PREFIXES: Final = {"ssl_": _TLS, "sasl_": _SASL, "enable_sasl_": _SASL, "enable_ssl_": _TLS}
_OF_TLS: Final = frozenset(
    {"ssl_ciphers", "ssl_crlfile", "ssl_cipher_suites", "ssl_curves_list", "ssl_sigalgs_list",
     "ssl_crl_location"}
)  # fmt: skip
"""Those beside what kafka.tls has."""
_OBJECTS: Final = ("_cb", "opaque", "logger")
_NUMBERS: Final = ("receive_buffer_bytes", "send_buffer_bytes")
"""Of kafka-python, with no default to tell their type."""


def check_options(client: str, options: Mapping[str, Value]) -> dict[str, Value]:
    """The options in the words and types of `kafka.client`. Raises ValueError for one that is not
    known, is the daemon's own, or has a value that it cannot have.
    """
    for name in options:
        reason = _reserved(name.replace(".", "_").replace("-", "_").lower())
        if reason:
            raise ValueError(f"options: {name} cannot be given here: {reason}")
    return _of_librdkafka(options) if client == "confluent" else _of_kafka_python(options)


def _reserved(name: str) -> str:
    """Why a name is the daemon's own; empty if it is not."""
    if name in OWNED:
        return OWNED[name]
    if name.endswith(_OBJECTS):
        return _DAEMON
    if name in _OF_TLS:
        return ""
    return next((why for prefix, why in _PREFIXES.items() if name.startswith(prefix)), "")


def _of_kafka_python(options: Mapping[str, Value]) -> dict[str, Value]:
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

    known: dict[str, Any] = {}
    for kind in (KafkaAdminClient, KafkaProducer, KafkaConsumer):
        known |= kind.DEFAULT_CONFIG
    found: dict[str, Value] = {}
    for given, value in options.items():
        name = given.replace(".", "_")
        if name not in known:
            raise ValueError(f"options: kafka-python has no {given}.{_close(given, known)}")
        if name in found:
            raise ValueError(f"options: {name} is there twice")
        found[name] = _typed(name, known[name], value)
    return found


def _typed(name: str, default: Any, value: Value) -> Value:
    """The value in the type of the default. Raises ValueError if it has none."""
    if default is not None and not isinstance(default, str | int | float):
        raise ValueError(f"options: {name} takes an object of Python's, which no file can hold")
    wanted = int if name in _NUMBERS else str if default is None else type(default)
    if isinstance(value, str) and wanted is bool and value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        fitting = wanted(value) if isinstance(value, str) and wanted is not bool else value
    except ValueError:
        fitting = None
    if type(fitting) is not wanted and not (wanted is float and type(fitting) is int):
        raise ValueError(f"options: {name} must be of type {wanted.__name__}, got {value!r:.80}")
    return fitting


def _of_librdkafka(options: Mapping[str, Value]) -> dict[str, Value]:
    try:
        library = import_module("confluent_kafka")
    except ImportError:
        return dict(options)  # which is told when it is needed
    quiet = {"group.id": "check", "log_level": 0}
    for name, value in options.items():
        try:
            # It connects to nothing: there is no broker in it.
            library.Consumer({name: value, **quiet}).close()
        except (library.KafkaException, TypeError, ValueError) as error:
            first = error.args[0]
            text = first.str() if hasattr(first, "str") else str(error)
            raise ValueError(f"options: {name}: {text}") from None
    return dict(options)


def _close(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""
