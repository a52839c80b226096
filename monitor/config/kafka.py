"""The configuration's sections on Kafka: connection, topic and outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StrictBool, model_validator

from models.explanation import MOST as MOST_EXPLAINED
from monitor.config.sasl import SaslConfig
from monitor.config.section import Section
from monitor.config.servers import Servers
from monitor.stream.client_options import check_options

FORMER_GROUP = "aead-monitor"
"""Beginning of the default group, and all of it in versions before the topic was in it."""

TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{3,230}$|^[A-Za-z0-9_-]{1,2}$")]
"""As Kafka allows, less what our suffixes add; a name of dots alone is none."""


def default_group(topic: str) -> str:
    """The group of a daemon that is told of none: daemons of other topics are in others."""
    return f"{FORMER_GROUP}-{topic}"


class TlsConfig(Section):
    """Certificates for an encrypted connection; with none, the system's authorities are used."""

    ca_file: Path | None = Field(None, description="PEM file of the authorities to trust.")
    cert_file: Path | None = Field(None, description="PEM file of our own certificate.")
    key_file: Path | None = Field(None, description="PEM file of our own private key.")
    key_password_file: Path | None = Field(None, description="File with the key's password.")
    check_hostname: bool = Field(True, description="Whether the broker's name must match.")

    @model_validator(mode="after")
    def _certificate_and_key(self) -> TlsConfig:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together: set both or neither")
        return self


class KafkaConfig(Section):
    """The topic that is watched."""

    client: Literal["kafka-python", "confluent"] = Field(
        "kafka-python",
        description="Client that reads and writes; confluent is faster, and an extra to install.",
    )
    group_protocol: Literal["classic", "consumer"] = Field(
        "classic",
        description="How the group is kept; consumer (KIP-848) needs the client confluent.",
    )
    bootstrap_servers: Servers = Field(
        "localhost:9092", description="Brokers as HOST:PORT, a list or separated by commas."
    )
    client_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="Our name in the brokers' logs and quotas; default: aead-monitor-VERSION.",
    )
    client_rack: str | None = Field(
        None, min_length=1, description="Where we are: replicas in this rack are read from."
    )
    options: dict[str, StrictBool | int | float | str] = Field(
        default_factory=dict,
        description="More settings of the client, in its own words; not those that are ours.",
    )
    topic: TopicName = Field(description="The topic that holds the records.")
    group: str = Field(
        default_factory=lambda known: default_group(known.get("topic", "")),
        min_length=1,
        description="Consumer group to join; default: aead-monitor-TOPIC.",
    )
    start: Literal["earliest", "latest"] = Field(
        "earliest", description="Where a group without committed offsets begins."
    )
    out_of_range: Literal["earliest", "latest", "stop"] = Field(
        "earliest",
        description="Where to go on when the records that come next were deleted unread.",
    )
    isolation: Literal["read_committed", "read_uncommitted"] = Field(
        "read_committed", description="Whether to leave out records of aborted transactions."
    )
    transactions: bool = Field(
        False, description="Write results and offsets in one transaction, for exactly-once reading."
    )
    rebalance: Literal["cooperative", "eager"] = Field(
        "cooperative", description="How partitions change hands; the same in all of the group."
    )
    instance: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="A name for this member that survives restarts (static membership).",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="Use SASL_SSL or SSL wherever the network is not your own."
    )
    tls: TlsConfig | None = Field(None, description="Certificates, with SSL or SASL_SSL.")
    sasl: SaslConfig | None = Field(None, description="Login, with SASL_PLAINTEXT or SASL_SSL.")
    session_timeout_seconds: float = Field(
        45, ge=6, le=1800, description="Silence after which the group counts us out."
    )
    max_poll_interval_seconds: float = Field(
        300,
        ge=10,
        le=86400,
        description="Longest time that one batch may take before we are counted out.",
    )
    fetch_max_bytes: int = Field(
        50 * 2**20, ge=2**16, description="Bytes asked of the brokers at once."
    )
    api_version: tuple[int, int] | None = Field(
        None, description="Protocol version such as [2, 3]; only for servers that cannot tell."
    )

    @model_validator(mode="after")
    def _client(self) -> KafkaConfig:
        if self.group_protocol == "consumer" and self.client != "confluent":
            raise ValueError("group_protocol consumer needs client confluent")
        if self.group_protocol == "consumer" and self.rebalance == "eager":
            raise ValueError("rebalance eager needs group_protocol classic")
        if self.api_version is not None and self.client != "kafka-python":
            raise ValueError("api_version needs client kafka-python")
        return self

    @model_validator(mode="after")
    def _options(self) -> KafkaConfig:
        if self.options:
            check_options(self.client, self.options)
        return self

    @model_validator(mode="after")
    def _security(self) -> KafkaConfig:
        wants_sasl = self.security_protocol.startswith("SASL")
        if wants_sasl and self.sasl is None:
            raise ValueError(f"security_protocol {self.security_protocol} needs the section sasl")
        if self.sasl is not None and not wants_sasl:
            raise ValueError("the section sasl needs security_protocol SASL_SSL or SASL_PLAINTEXT")
        if self.sasl is not None and self.sasl.mechanism == "AWS_MSK_IAM":
            if self.client != "kafka-python":
                raise ValueError("mechanism AWS_MSK_IAM needs client kafka-python")
            if self.security_protocol != "SASL_SSL":
                raise ValueError("mechanism AWS_MSK_IAM needs security_protocol SASL_SSL")
        if self.tls is not None and not self.security_protocol.endswith("SSL"):
            raise ValueError("the section tls needs security_protocol SSL or SASL_SSL")
        return self


class OutputConfig(Section):
    """Topics for what the daemon finds. Unset names are made from the input topic's."""

    anomalies: TopicName | None = Field(None, description="Topic for anomalous rows.")
    dead_letters: TopicName | None = Field(
        None, description="Topic for records that cannot be scored."
    )
    alerts: TopicName | None = Field(None, description="Topic for drift alerts.")
    scores: TopicName | None = Field(
        None, description="Topic for the score of every row; unset: they are not published."
    )
    scores_format: Literal["json", "avro"] = Field(
        "json", description="Form of the scores; avro needs the extra of that name."
    )
    explain: int = Field(
        5,
        ge=0,
        le=MOST_EXPLAINED,
        description="Features that an anomaly names as carrying its error; 0: no explanation.",
    )
    explain_values: bool = Field(
        False,
        description="Whether these come with the value that came and the one that was expected.",
    )
    explain_per_second: float = Field(
        20, gt=0, le=10_000, description="Anomalies that are explained in a second, at most."
    )
    create_topics: bool = Field(True, description="Create the topics that do not exist.")
    max_message_bytes: int = Field(
        32 * 2**20, ge=2**16, description="Largest message the output topics take."
    )
    refused: Literal["block", "drop"] = Field(
        "block",
        description="What to do with a message that its topic takes in no form: wait, not ready,"
        " or drop and count it.",
    )
