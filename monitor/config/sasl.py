"""The configuration's section on logging in to the brokers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from monitor.config.section import Section

_USER: Final = frozenset({"username", "password_file"})
_TOKEN: Final = frozenset({"token_url", "client_id", "client_secret_file"})
_KEYS: Final = {
    "PLAIN": _USER,
    "SCRAM-SHA-256": _USER,
    "SCRAM-SHA-512": _USER,
    "OAUTHBEARER": _TOKEN | {"token_file", "scope", "token_ca_file", "extensions"},
    "GSSAPI": frozenset({"kerberos_service", "kerberos_domain", "principal", "keytab_file"}),
    "AWS_MSK_IAM": frozenset({"credentials_file", "profile", "region"}),
}
"""What may be said beside each mechanism."""


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must be an address such as https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a login: name client_id and client_secret_file")
    return url


class SaslConfig(Section):
    """How to log in to the broker."""

    mechanism: Literal[
        "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI", "AWS_MSK_IAM"
    ] = Field(description="The mechanism that the broker's listener offers.")
    username: str | None = Field(
        None, min_length=1, description="PLAIN, SCRAM: the user to log in as."
    )
    password_file: Path | None = Field(
        None, description="PLAIN, SCRAM: a file that holds the password and nothing else."
    )
    token_file: Path | None = Field(
        None, description="OAUTHBEARER: a file that holds the token of now; read at each login."
    )
    token_url: Annotated[str, AfterValidator(_checked_url)] | None = Field(
        None, description="OAUTHBEARER: where tokens are fetched, instead of token_file."
    )
    client_id: str | None = Field(
        None, min_length=1, description="OAUTHBEARER: who fetches tokens at token_url."
    )
    client_secret_file: Path | None = Field(
        None, description="OAUTHBEARER: a file that holds the secret of client_id."
    )
    scope: str | None = Field(
        None, min_length=1, description="OAUTHBEARER: what the fetched tokens are for."
    )
    token_ca_file: Path | None = Field(
        None, description="OAUTHBEARER: PEM file of the authorities to trust at token_url."
    )
    extensions: dict[str, str] = Field(
        default_factory=dict, description="OAUTHBEARER: what the broker is told beside the token."
    )
    kerberos_service: str | None = Field(
        None, min_length=1, description="GSSAPI: the brokers' service name; default: kafka."
    )
    kerberos_domain: str | None = Field(
        None, min_length=1, description="GSSAPI: name of the brokers' host, if not their address."
    )
    principal: str | None = Field(
        None, min_length=1, description="GSSAPI with client confluent: whom to log in as."
    )
    keytab_file: Path | None = Field(
        None, description="GSSAPI: our keytab; default: the tickets that are there."
    )
    credentials_file: Path | None = Field(
        None, description="AWS_MSK_IAM: a credentials file; default: as AWS' tools find them."
    )
    profile: str | None = Field(
        None, min_length=1, description="AWS_MSK_IAM: the profile in the credentials file."
    )
    region: str | None = Field(
        None, min_length=1, description="AWS_MSK_IAM: region of the cluster, such as eu-west-1."
    )

    @model_validator(mode="after")
    def _fitting(self) -> SaslConfig:
        """Refuse what the mechanism has no use for, and ask for what it needs."""
        given = {n for n in type(self).model_fields if getattr(self, n)} - {"mechanism"}
        odd = sorted(given - _KEYS[self.mechanism])
        if odd:
            raise ValueError(f"{odd[0]} is not for mechanism {self.mechanism}")
        needed = _KEYS[self.mechanism] & _USER
        if self.mechanism == "OAUTHBEARER":
            if (self.token_file is None) == (self.token_url is None):
                raise ValueError("mechanism OAUTHBEARER needs either token_file or token_url")
            needed = _TOKEN if self.token_url is not None else frozenset()
            fetching = sorted(given & {*_TOKEN, "scope", "token_ca_file"})
            if self.token_url is None and fetching:
                raise ValueError(f"{fetching[0]} goes with token_url")
        missing = sorted(needed - given)
        if missing:
            raise ValueError(f"mechanism {self.mechanism} needs {' and '.join(missing)}")
        return self
