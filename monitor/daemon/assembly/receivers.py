"""Builds the receivers of retraining requests from their configuration."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from monitor.config.file import read_secret
from monitor.config.receivers import (
    AirflowReceiverConfig,
    CalledReceiver,
    CommandReceiverConfig,
    GithubReceiverConfig,
    HttpReceiverConfig,
    KafkaReceiverConfig,
    NamedReceiver,
    ReceiverConfig,
    WebhookReceiverConfig,
)
from monitor.errors import ConfigError, ReceiverError
from monitor.receivers import Receiver
from monitor.receivers.airflow import AirflowReceiver, runs_url
from monitor.receivers.calls import Endpoint
from monitor.receivers.command import CommandReceiver
from monitor.receivers.github import GithubReceiver, dispatches_url
from monitor.receivers.http import HttpReceiver
from monitor.receivers.kafka import KafkaReceiver
from monitor.receivers.secret import Secret
from monitor.receivers.webhook import WebhookReceiver
from monitor.stream.kafka_options import Connection

CONNECT_SECONDS = 10.0


def build_receivers(
    configs: Sequence[ReceiverConfig], connection: Connection
) -> dict[str, Receiver]:
    """The receivers by name; connects nothing yet.

    Raises ConfigError for files of secrets and certificates that cannot be used.
    """
    return {config.name: _build(config, connection) for config in configs}


def holding(configs: Sequence[ReceiverConfig]) -> dict[str, bool]:
    """Name -> whether it starts a retraining, and so waits for a person if one should decide."""
    return {config.name: config.STARTS for config in configs}


def _build(config: ReceiverConfig, connection: Connection) -> Receiver:
    return BUILDERS[type(config)](config, connection)


def _kafka(config: KafkaReceiverConfig, connection: Connection) -> KafkaReceiver:
    return KafkaReceiver(connection, config.topic, config.mode == "binary", config.source)


def _http(config: HttpReceiverConfig, _: Connection) -> HttpReceiver:
    return HttpReceiver(
        endpoint=_endpoint(config, config.url),
        binary=config.mode == "binary",
        source=config.source,
        token=None if config.token_file is None else _token(config, config.token_file),
        headers={
            name: _header(config, f"header_files.{name}", path)
            for name, path in config.header_files.items()
        },
    )


def _webhook(config: WebhookReceiverConfig, _: Connection) -> WebhookReceiver:
    endpoint = _endpoint(config, config.url)
    return WebhookReceiver(endpoint, _secret(config, "secret_file", config.secret_file))


def _airflow(config: AirflowReceiverConfig, _: Connection) -> AirflowReceiver:
    endpoint = _endpoint(config, runs_url(config.url, config.dag))
    return AirflowReceiver(endpoint, _token(config, config.token_file))


def _github(config: GithubReceiverConfig, _: Connection) -> GithubReceiver:
    endpoint = _endpoint(config, dispatches_url(config.url, config.repository))
    return GithubReceiver(endpoint, config.event_type, _token(config, config.token_file))


def _command(config: CommandReceiverConfig, _: Connection) -> CommandReceiver:
    return CommandReceiver(config.arguments, config.timeout_seconds)


BUILDERS: Final[dict[type[NamedReceiver], Callable[[Any, Connection], Receiver]]] = {
    KafkaReceiverConfig: _kafka,
    HttpReceiverConfig: _http,
    WebhookReceiverConfig: _webhook,
    AirflowReceiverConfig: _airflow,
    GithubReceiverConfig: _github,
    CommandReceiverConfig: _command,
}
"""What builds the receiver of each section; raises ConfigError for files that cannot be used."""


def _endpoint(config: CalledReceiver, url: str) -> Endpoint:
    if config.ca_file is not None:
        try:
            ssl.create_default_context(cafile=config.ca_file)
        except OSError as error:
            raise ConfigError(
                f"{_key(config, 'ca_file')}: cannot use {config.ca_file}: {error.strerror}."
                " Name a PEM file of certificates."
            ) from None
    limit = config.timeout_seconds
    return Endpoint(url, config.ca_file, limit, min(limit, CONNECT_SECONDS), limit, config.proxy)


def _token(config: CalledReceiver, path: Path) -> Secret:
    return _header(config, "token_file", path)


def _header(config: CalledReceiver, name: str, path: Path) -> Secret:
    secret = _secret(config, name, path)
    try:
        secret.header()
    except ReceiverError as error:
        raise ConfigError(f"{_key(config, name)}: {error}. Write one line of text.") from None
    return secret


def _secret(config: CalledReceiver, name: str, path: Path) -> Secret:
    """Read it once now, so that a wrong file is said at the start."""
    read_secret(path, _key(config, name))
    return Secret(path)


def _key(config: CalledReceiver, name: str) -> str:
    return f"retraining.receivers.{config.name}.{name}"
