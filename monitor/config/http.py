"""The configuration's section on the web server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from monitor.config.section import Section


class HttpConfig(Section):
    """The web server for metrics and status."""

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(9464, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    stall_seconds: float = Field(
        300, ge=1, description="/-/healthy fails when the run loop hangs for so long."
    )
    reload: bool = Field(False, description="Whether POST /-/reload looks for a new model.")
    web_config_file: Path | None = Field(
        None, description="TLS and passwords, in the format of Prometheus' exporters."
    )
    external_url: str = Field(
        "",
        max_length=1000,
        description="Where people find the pages, such as https://tools.example.com/watch/:"
        " what links start at. Empty: where a page was found.",
    )
    actions: bool = Field(
        False,
        description="Whether the pages have buttons: a drift episode can be labelled there.",
    )
    runbooks: str = Field(
        "",
        max_length=1000,
        description="Address of the folder of runbooks that the page links to.",
    )
    health_host: str = Field(
        "127.0.0.1", min_length=1, description="Address to listen on for health alone."
    )
    health_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="Port that answers nothing but health, without TLS and passwords."
    )

    @field_validator("external_url", "runbooks")
    @classmethod
    def _address(cls, value: str) -> str:
        """An address of the web, without a login: the page shows it to everybody."""
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an address such as https://tools.example.com/watch/")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("must have no login, no ? and no #")
        return value

    @model_validator(mode="after")
    def _known(self) -> HttpConfig:
        if self.actions and self.web_config_file is None:
            raise ValueError(
                "actions needs web_config_file, with users or client certificates: else whoever"
                " reaches the port could press the buttons"
            )
        return self

    @model_validator(mode="after")
    def _ports(self) -> HttpConfig:
        if self.health_port is not None and self.health_port == self.port:
            raise ValueError("health_port must not be port: it is open to all who reach it")
        return self
