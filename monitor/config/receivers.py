"""The configuration's sections on receivers of retraining requests, one for each kind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Union
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from monitor.config.kafka import TopicName
from monitor.config.section import Section

_NAME = r"^[a-z0-9][a-z0-9_-]{0,39}$"
_RESERVED = ("authorization", "connection", "content-length", "content-type", "host",
             "transfer-encoding", "user-agent")  # fmt: skip
MOST_RECEIVERS = 16


def _checked_url(url: str) -> str:
    """An address that is called as it stands: no login in it, nothing that a header could hide."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("must be an address such as https://host/path") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError("must begin with http:// or https:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a login: name a file with a token instead")
    if parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must hold no fragment, blanks or characters outside ASCII")
    return url


def _checked_base(url: str) -> str:
    if urlsplit(_checked_url(url)).query:
        raise ValueError("must hold no query: a path is added to it")
    return url


def _checked_proxy(url: str) -> str:
    parts = urlsplit(_checked_base(url))
    if parts.scheme != "http" or parts.port is None or parts.path not in ("", "/"):
        raise ValueError("must be the address of an HTTP proxy, such as http://proxy:3128")
    return url


def _checked_header(name: str) -> str:
    if name.lower() in _RESERVED or name.lower().startswith("ce-"):
        raise ValueError(f"{name} is set by the receiver itself; choose another header")
    return name


def _unique(receivers: tuple[ReceiverConfig, ...]) -> tuple[ReceiverConfig, ...]:
    counts = Counter(receiver.name for receiver in receivers)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(f"each receiver needs a name of its own, and {twice[0]} is there twice")
    return receivers


Url = Annotated[str, AfterValidator(_checked_url)]
BaseUrl = Annotated[str, AfterValidator(_checked_base)]
ProxyUrl = Annotated[str, AfterValidator(_checked_proxy)]
HeaderName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$"), AfterValidator(_checked_header)
]
Source = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]
Mode = Literal["structured", "binary"]


class NamedReceiver(Section):
    """What all receivers have. STARTS: it starts a retraining, and does not only announce one."""

    STARTS: ClassVar[bool] = False

    name: str = Field(
        pattern=_NAME, description="A name for the list of deliveries; small letters, digits, -, _."
    )


class CalledReceiver(NamedReceiver):
    """What all receivers have that are called by HTTP."""

    ca_file: Path | None = Field(
        None, description="PEM file of the authorities to trust instead of the system's."
    )
    timeout_seconds: float = Field(
        30, ge=1, le=300, description="Longest time for one call, from connecting to the answer."
    )
    proxy: ProxyUrl | None = Field(
        None, description="An HTTP proxy to go through; those of the environment are not used."
    )


class KafkaReceiverConfig(NamedReceiver):
    """A topic that gets CloudEvents, on the brokers of the section kafka."""

    kind: Literal["kafka"]
    topic: TopicName = Field(description="The topic to write to; must exist.")
    mode: Mode = Field("structured", description="Where the event's attributes go.")
    source: Source | None = Field(
        None, description="The event's source; default: aead-monitor/MODEL."
    )


class HttpReceiverConfig(CalledReceiver):
    """An address that takes CloudEvents."""

    kind: Literal["http"]
    url: Url = Field(description="The address to post to.")
    mode: Mode = Field("structured", description="Where the event's attributes go.")
    source: Source | None = Field(
        None, description="The event's source; default: aead-monitor/MODEL."
    )
    token_file: Path | None = Field(None, description="A file that holds a bearer token.")
    header_files: dict[HeaderName, Path] = Field(
        default_factory=dict,
        max_length=16,
        description="More headers: name, and the file that holds the value.",
    )


class WebhookReceiverConfig(CalledReceiver):
    """An address that takes signed JSON."""

    kind: Literal["webhook"]
    url: Url = Field(description="The address to post to.")
    secret_file: Path = Field(description="A file that holds the secret to sign with.")


class AirflowReceiverConfig(CalledReceiver):
    """A DAG of Apache Airflow 3."""

    STARTS: ClassVar[bool] = True

    kind: Literal["airflow"]
    url: BaseUrl = Field(description="Address of the API server; /api/v2 is added.")
    dag: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,250}$", description="The DAG to run.")
    token_file: Path = Field(description="A file that holds the bearer token.")


class GithubReceiverConfig(CalledReceiver):
    """A GitHub repository with workflows on repository_dispatch."""

    STARTS: ClassVar[bool] = True

    kind: Literal["github"]
    url: BaseUrl = Field("https://api.github.com", description="Address of the API.")
    repository: str = Field(
        pattern=r"^[A-Za-z0-9-]{1,39}/[A-Za-z0-9_.-]{1,100}$", description="OWNER/NAME."
    )
    event_type: str = Field(
        "retrain", pattern=r"^[A-Za-z0-9_.-]{1,100}$", description="Type that workflows wait for."
    )
    token_file: Path = Field(description="A file that holds the access token.")


class CommandReceiverConfig(NamedReceiver):
    """A program on this machine."""

    STARTS: ClassVar[bool] = True

    kind: Literal["command"]
    arguments: tuple[Annotated[str, StringConstraints(pattern=r"^[^\x00]+$")], ...] = Field(
        min_length=1,
        max_length=100,
        description="The program and its arguments, as a list; no shell reads them.",
    )
    timeout_seconds: float = Field(
        60, ge=1, le=86400, description="After this time it is ended with all that it started."
    )


RECEIVERS: Final[tuple[type[NamedReceiver], ...]] = (
    KafkaReceiverConfig,
    HttpReceiverConfig,
    WebhookReceiverConfig,
    AirflowReceiverConfig,
    GithubReceiverConfig,
    CommandReceiverConfig,
)
"""The sections of all kinds. What builds each receiver is in `daemon.assembly.receivers`."""
if TYPE_CHECKING:
    ReceiverConfig = NamedReceiver
else:
    ReceiverConfig = Annotated[Union[RECEIVERS], Field(discriminator="kind")]  # noqa: UP007
Receivers = Annotated[
    tuple[ReceiverConfig, ...], Field(max_length=MOST_RECEIVERS), AfterValidator(_unique)
]
"""For the key `retraining.receivers`."""
