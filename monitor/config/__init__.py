"""The configuration of the daemon: YAML file, environment, secrets from files.

Any value can be set by an environment variable: AEAD_MONITOR_ and the key in capitals, with
two underscores for each dot, for example AEAD_MONITOR_KAFKA__BOOTSTRAP_SERVERS. The
environment wins over the file. Secrets are never values here, only names of files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from monitor.config.codec import CodecConfig
from monitor.config.drift import DriftConfig
from monitor.config.environment import PREFIX, Environment
from monitor.config.http import HttpConfig
from monitor.config.kafka import KafkaConfig, OutputConfig
from monitor.config.mutes import Mutes
from monitor.config.receivers import KafkaReceiverConfig
from monitor.config.registry import RegistryConfig
from monitor.config.reload import ReloadConfig
from monitor.config.retraining import RetrainingConfig
from monitor.config.section import Section, no_truth_for_numbers
from monitor.config.segments import SegmentsConfig
from monitor.config.topics import OUTPUTS, check_topics

Level = Literal["debug", "info", "warning", "error"]
Quantile = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]


def _off_in_yaml(value: Any) -> Any:
    """YAML reads a bare `off` as false."""
    return "off" if value is False else value


class BatchConfig(Section):
    """When a batch is scored: at any of these limits."""

    max_records: int = Field(
        2048, ge=1, le=100_000, description="Set it to the largest batch that fits your device."
    )
    max_bytes: int = Field(16 * 2**20, ge=1, description="Payload bytes held before scoring.")
    linger_seconds: float = Field(
        0.2,
        ge=0,
        le=60,
        description="Longest wait for a batch to fill, from its first record. It adapts: no longer"
        " than four times what the quickest batches take.",
    )


class WindowConfig(Section):
    """The rolling window that quantiles are taken from."""

    records: int = Field(5120, ge=64, le=10**9, description="Rows that the window holds.")
    seconds: float | None = Field(
        None, ge=1, description="Stream time that the window spans, instead of `records`."
    )
    panes: int = Field(20, ge=2, le=1000, description="Steps the window moves in.")
    quantiles: tuple[Quantile, ...] = Field(
        (0.5, 0.9, 0.99, 0.999), min_length=1, description="Rolling quantiles to export."
    )


class SeriesConfig(Section):
    """For models of windows over series: what is remembered of each series."""

    at_most: int = Field(
        10_000, ge=1, le=10**6, description="Series that are remembered; the longest unseen goes."
    )


class StateConfig(Section):
    """Where and when the daemon saves what it remembers."""

    directory: Path = Field(
        Path("state"), description="Folder for snapshots; each daemon needs one of its own."
    )
    snapshot_seconds: float = Field(
        5, ge=0.1, le=3600, description="A snapshot is written and offsets committed so often."
    )
    snapshot_records: int = Field(
        100_000, ge=1, description="Or after this many records, if that is sooner."
    )
    recommit_seconds: float = Field(
        600, ge=1, description="Offsets of an idle stream are committed again so often."
    )


class DeadLetterConfig(Section):
    """When there are too many dead letters to go on."""

    max_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Reading stops when more of the last are bad; 1: never.",
    )
    over_records: int = Field(1000, ge=10, le=10**7, description="Records the share is taken over.")
    key: Literal["original", "address"] = Field(
        "original", description="Key of a dead letter: the record's own, or TOPIC/PARTITION/OFFSET."
    )


class LogConfig(Section):
    """The log on standard error."""

    level: Level = Field("info", description="debug, info, warning or error.")
    format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto is console on a terminal and json elsewhere."
    )


class Config(BaseSettings):
    """All settings of `aead-monitor run`."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        protected_namespaces=(),
    )

    model: Path | None = Field(None, description="The bundle that `aead-monitor train` wrote.")
    registry: RegistryConfig | None = Field(
        None, description="Where versions of the model are kept, instead of `model`."
    )
    shadow: str | None = Field(
        None, min_length=1, description="A second bundle that scores beside it and decides nothing."
    )
    reload: ReloadConfig = Field(ReloadConfig(), description="How a new model is followed.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where to score.")
    threads: Positive | Literal["auto"] | None = Field(
        "auto", description="CPU threads for scoring; auto: 1, or all cores but one where it helps."
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="bfloat16 is faster; the model must be calibrated in it."
    )
    micro_batch: Positive | Literal["auto"] = Field(
        "auto", description="Rows in one forward pass; auto: as many as are fastest here."
    )
    shutdown_seconds: float = Field(
        20, ge=1, description="Longest time from being asked to stop to the end."
    )
    kafka: KafkaConfig = Field(description="The topic that is watched.")
    outputs: OutputConfig = Field(OutputConfig(), description="Topics for what is found.")
    codec: CodecConfig = Field(description="How payloads become rows.")
    batch: BatchConfig = Field(BatchConfig(), description="When a batch is scored.")
    window: WindowConfig = Field(WindowConfig(), description="The rolling window.")
    series: SeriesConfig = Field(SeriesConfig(), description="Models of windows over series.")
    drift: DriftConfig = Field(DriftConfig(), description="When a change is called drift.")
    segments: SegmentsConfig = Field(
        SegmentsConfig(), description="Parts of the stream that are judged beside the whole."
    )
    state: StateConfig = Field(StateConfig(), description="Where snapshots are kept.")
    evidence: Annotated[Literal["off", "scores", "records"], BeforeValidator(_off_in_yaml)] = Field(
        "scores",
        description="A few records that people may look at: off, scores (where they are, and their"
        " errors) or records (what they hold, too).",
    )
    dead_letters: DeadLetterConfig = Field(
        DeadLetterConfig(), description="When there are too many dead letters."
    )
    retraining: RetrainingConfig = Field(
        RetrainingConfig(), description="When a new model is asked for."
    )
    mutes: Mutes = Field((), description="Planned maintenance: no drift alert leaves then.")
    http: HttpConfig = Field(HttpConfig(), description="The web server.")
    log: LogConfig = Field(LogConfig(), description="The log on standard error.")

    @model_validator(mode="after")
    def _model(self) -> Config:
        if (self.model is None) == (self.registry is None):
            raise ValueError(
                "give either model (the folder of a bundle) or registry (where the versions of a"
                " model are kept), and not both"
            )
        return self

    @model_validator(mode="after")
    def _window(self) -> Config:
        if self.window.seconds is None and self.window.panes > self.window.records:
            raise ValueError("window.panes must not be more than window.records")
        return self

    @model_validator(mode="before")
    @classmethod
    def _numbers(cls, values: Any) -> Any:
        return no_truth_for_numbers(cls, values)

    @model_validator(mode="after")
    def _topics(self) -> Config:
        """Refuse one topic for two things, and names that Kafka takes for the same."""
        names = {"kafka.topic": self.kafka.topic}
        for key, kind in OUTPUTS.items():
            topic = self.topic_for(kind)
            if topic is not None:
                names[f"outputs.{key}"] = topic
        writers = {
            receiver.name: receiver.topic
            for receiver in self.retraining.receivers
            if isinstance(receiver, KafkaReceiverConfig)
        }
        check_topics(names, writers)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then the file's values (passed in as arguments)."""
        return (Environment(settings_cls), init_settings)

    def topic_for(self, kind: str) -> str | None:
        """The output topic for a kind of event; None if it is not published."""
        configured = {
            "anomaly": self.outputs.anomalies or f"{self.kafka.topic}.anomalies",
            "dead_letter": self.outputs.dead_letters or f"{self.kafka.topic}.dead-letters",
            "alert": self.outputs.alerts or f"{self.kafka.topic}.alerts",
            "score": self.outputs.scores,
        }
        return configured[kind]

    def printable(self) -> dict[str, Any]:
        """The effective values as YAML can hold them. Secrets are file names, not values."""
        return self.model_dump(mode="json", by_alias=True)
