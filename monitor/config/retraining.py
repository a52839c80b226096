"""The configuration's section on retraining: when to ask for a new model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from monitor.config.gates import GateConfig
from monitor.config.receivers import Receivers
from monitor.config.section import Section

Link = Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2000)]


class RetrainingConfig(Section):
    """When a drift episode leads to a request for a new model."""

    policy: Literal["off", "suggest", "auto"] = Field(
        "suggest",
        description="suggest: a person decides. auto: receivers may start at once. off: nothing.",
    )
    model_name: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._/-]{1,200}$",
        description="What the model is called in requests; default: the topic's name.",
    )
    min_evidence: float = Field(
        0, ge=0, le=1000, description="Evidence that the episode must have reached, log10."
    )
    min_records: int = Field(
        1000, ge=50, le=10**9, description="Rows since the drift began, before anything is asked."
    )
    cooldown_seconds: float = Field(
        86400, ge=0, description="Stream time between two requests for one model version."
    )
    per_day: int = Field(3, ge=1, le=1000, description="Requests a day of stream time, at most.")
    links: dict[str, Link] = Field(
        {}, max_length=20, description="Name and URL of dashboard or runbook, handed on."
    )
    receivers: Receivers = Field((), description="Who gets the requests.")
    gates: GateConfig = Field(
        GateConfig(), description="What a retrained model must pass to replace the current one."
    )
