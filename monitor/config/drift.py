"""The configuration's section on drift."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from monitor.config.names import AdvisoryName, DetectorName
from monitor.config.section import Section
from monitor.drift.budget import Budget
from monitor.drift.channels.weights import check as check_weights


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"must be a number, got {str(value).lower()}")
    return value


Number = Annotated[float, BeforeValidator(_no_truth)]


class DriftConfig(Section):
    """When a difference between stream and reference is called drift."""

    false_alarms: str = Field(
        "1 per 30d",
        description="The budget: N per TIME (s, m, h, d, w, y) or N per M records.",
    )
    streams: int = Field(
        1, ge=1, le=100_000, description="Monitored streams that share the budget, this included."
    )
    tolerance: float = Field(
        0.05, ge=0, le=1, description="Relative change of the error that is never alarmed."
    )
    detector: DetectorName = Field(
        "betting", description="The drift test; binomial is simpler and slower."
    )
    advisory: AdvisoryName | None = Field(
        None, description="An early signal that is shown and never pages; adwin needs River."
    )
    channels: Literal["off", "standard"] | tuple[str, ...] = Field(
        "off",
        description="Also watch channels beside the error: off, standard (all that the model has)"
        " or a list of patterns of their names or groups.",
    )
    channel_weights: dict[str, Number] = Field(
        default_factory=dict,
        description="Weight of each channel of a group within the channels' half of the budget, by"
        " group; 1 for those not named.",
    )
    guard_seconds: float = Field(
        5, ge=0, le=86400, description="Stream time that a burst may last without an alarm."
    )
    cooldown_seconds: float = Field(
        600, ge=0, le=604800, description="Stream time without drift before it is resolved."
    )
    evaluation_records: int = Field(
        64, ge=1, le=256, description="Rows after which drift is evaluated, at most."
    )
    evaluation_seconds: float = Field(
        60, ge=0.1, le=86400, description="Stream time after which it is evaluated with fewer."
    )

    @field_validator("false_alarms")
    @classmethod
    def _budget(cls, text: str) -> str:
        Budget.parse(text)
        return text

    @model_validator(mode="after")
    def _weights(self) -> DriftConfig:
        if self.channel_weights and self.channels == "off":
            raise ValueError("channel_weights needs channels: standard, or some of them")
        try:
            check_weights(self.channel_weights)
        except ValueError as error:
            raise ValueError(f"channel_weights: {error}") from None
        return self

    def identity(self) -> dict[str, Any]:
        """What the memory of the stream depends on: fingerprints of before had no channels."""
        later = {"channels": self.channels == "off", "channel_weights": not self.channel_weights}
        without = {name for name, default in later.items() if default}
        return self.model_dump(mode="json", exclude=without)
