"""The configuration's section on when a retrained model may replace the current one."""

from __future__ import annotations

from pydantic import Field

from monitor.config.section import Section


class GateConfig(Section):
    """What a candidate must pass. Each number is a limit; docs/retraining.md explains them."""

    false_alarm_factor: float = Field(
        2.0,
        ge=1,
        le=100,
        description="Times the promised share of false alarms that a candidate may show.",
    )
    auc_tolerance: float = Field(
        0.02, ge=0, le=1, description="Loss of ROC AUC on labelled anomalies that is accepted."
    )
    no_drift: bool = Field(
        True, description="Refuse a candidate under which the newest records are drift again."
    )
    broken_input: bool = Field(
        True, description="Refuse records that look like those of a broken sensor."
    )
    stuck_ratio: float = Field(
        0.02,
        ge=0,
        lt=1,
        description="Spread, over the usual one, below which a feature or pixel is stuck.",
    )
    stuck_share: float = Field(
        0.05, ge=0, lt=1, description="images: share of the pixels that may be stuck."
    )
    repeated_share: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="Share of the records that may be blank or copies, beyond the usual share.",
    )
    band_ratio: float = Field(
        0.25,
        ge=0,
        lt=1,
        description="Spread of the errors, over the current model's, below which all are alike.",
    )
    explained_ratio: float = Field(
        0.25,
        ge=0,
        lt=1,
        description="Share of the variation that the candidate explains, over the current model's,"
        " below which the records are noise.",
    )
