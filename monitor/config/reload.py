"""The configuration's section on following a new model."""

from __future__ import annotations

from pydantic import Field

from monitor.config.section import Section


class ReloadConfig(Section):
    """Whether and how often to look for a new model; see docs/hot-swap.md."""

    follow: bool = Field(
        True, description="Take a new model without a restart; false: only when asked to."
    )
    poll_seconds: float = Field(
        5, ge=0.1, le=86400, description="How often to look whether there is a new model."
    )
