"""From the section kafka.sasl to what kafka-python takes, with the secrets read."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from monitor.config.file import read_secret
from monitor.config.sasl import SaslConfig
from monitor.errors import ConfigError, LibraryError
from monitor.stream import kafka_private
from monitor.stream.oauth import ClientCredentials, FileToken, Source


def sasl_options(sasl: SaslConfig) -> dict[str, Any]:
    """Options of kafka-python. Raises ConfigError for files, LibraryError for a missing package.

    What libraries below kafka-python read from the environment alone (a keytab, AWS' credentials)
    is put there.
    """
    options: dict[str, Any] = {"sasl_mechanism": sasl.mechanism}
    if sasl.mechanism == "OAUTHBEARER":
        provider = kafka_private.token_provider(_tokens(sasl), sasl.extensions)
        return options | {"sasl_oauth_token_provider": provider}
    if sasl.mechanism == "GSSAPI":
        return options | _kerberos(sasl)
    if sasl.mechanism == "AWS_MSK_IAM":
        _aws(sasl)
        return options
    return options | {
        "sasl_plain_username": sasl.username,
        "sasl_plain_password": _secret(sasl.password_file, "password_file"),
    }


def kerberos_of_librdkafka(sasl: SaslConfig) -> dict[str, Any]:
    """What only librdkafka takes: it gets its tickets itself."""
    found = {
        "sasl.kerberos.principal": sasl.principal,
        "sasl.kerberos.keytab": sasl.keytab_file and str(sasl.keytab_file),
    }
    return {name: value for name, value in found.items() if value}


def _secret(path: Path | None, name: str) -> str:
    if path is None:
        raise ConfigError(f"kafka.sasl.{name}: is required, and missing.")
    return read_secret(path, f"kafka.sasl.{name}")


def _tokens(sasl: SaslConfig) -> Source:
    """Where tokens come from; a file that cannot be read is told now. One that is over is waited
    for: somebody else keeps it fresh.
    """
    if sasl.token_url is None:
        _secret(sasl.token_file, "token_file")
        return FileToken(sasl.token_file or Path())
    _secret(sasl.client_secret_file, "client_secret_file")
    try:
        return ClientCredentials(
            sasl.token_url,
            sasl.client_id or "",
            sasl.client_secret_file or Path(),
            sasl.scope,
            sasl.token_ca_file,
        )
    except OSError as error:
        raise ConfigError(f"kafka.sasl.token_ca_file: cannot be used: {error}.") from None


def _kerberos(sasl: SaslConfig) -> dict[str, Any]:
    _require("gssapi", "GSSAPI")
    if sasl.keytab_file is not None:
        _check_file(sasl.keytab_file, "keytab_file")
        os.environ["KRB5_CLIENT_KTNAME"] = str(sasl.keytab_file)
    options = {"sasl_kerberos_service_name": sasl.kerberos_service or "kafka"}
    if sasl.kerberos_domain is not None:
        options["sasl_kerberos_domain_name"] = sasl.kerberos_domain
    return options


def _aws(sasl: SaslConfig) -> None:
    _require("botocore", "AWS_MSK_IAM")
    if sasl.credentials_file is not None:
        _check_file(sasl.credentials_file, "credentials_file")
    settings = {
        "AWS_SHARED_CREDENTIALS_FILE": sasl.credentials_file and str(sasl.credentials_file),
        "AWS_PROFILE": sasl.profile,
        "AWS_DEFAULT_REGION": sasl.region,
    }
    os.environ.update({name: value for name, value in settings.items() if value})


def _check_file(path: Path, name: str) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise ConfigError(
            f"kafka.sasl.{name}: cannot read {path}: {error.strerror}. Name a readable file."
        ) from None


def _require(package: str, mechanism: str) -> None:
    if find_spec(package) is None:
        raise LibraryError(
            f"kafka.sasl.mechanism: {mechanism} needs the package {package}, which is not there."
            f" Install it: pip install {package}"
        )
