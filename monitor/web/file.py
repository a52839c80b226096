"""Reads a web configuration file. No message holds a value of it: most of them are secret."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ValidationError

from models.files import read_bounded
from monitor.errors import ConfigError
from monitor.process import yaml_text
from monitor.web import tls
from monitor.web.passwords import Passwords
from monitor.web.security import Security
from monitor.web.settings import HeadersSection, HttpSection, TlsSection, WebFile

MAX_BYTES: Final = 2**20
_SECTIONS: Final[Mapping[tuple[str, ...], type[BaseModel]]] = {
    (): WebFile,
    ("tls_server_config",): TlsSection,
    ("http_server_config",): HttpSection,
    ("http_server_config", "headers"): HeadersSection,
}
_RULES: Final = {
    "missing": "is required, and missing",
    "literal_error": "must be {expected}",
    "bool_type": "must be true or false",
    "string_type": "must be text (put it in quotes)",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must not be empty and hold no colon",
    "list_type": "must be a list",
    "dict_type": "must be a section of users and the hashes of their passwords",
    "model_type": "must be a section with keys of its own",
}


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What a file says. files: all that were read for it."""

    security: Security
    files: tuple[Path, ...]


def read(path: Path) -> WebConfig:
    """Read and check a file and what it names; raises ConfigError, a line for each mistake.

    Relative paths in it start at the folder of the file.
    """
    section = _parsed(path, _values(path))
    folder = path.resolve().parent
    try:
        security = Security(
            tls=tls.context(section.tls_server_config, folder)
            if section.tls_server_config
            else None,
            client_names=frozenset(_names(section.tls_server_config)),
            headers=section.http_server_config.headers.model_dump(by_alias=True, exclude_none=True),
            users=Passwords(section.basic_auth_users) if section.basic_auth_users else None,
        )
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return WebConfig(security, (path, *_files(section.tls_server_config, folder)))


def _names(section: TlsSection | None) -> Sequence[str]:
    return section.client_allowed_sans if section else ()


def _files(section: TlsSection | None, folder: Path) -> list[Path]:
    if section is None:
        return []
    names = (section.cert_file, section.key_file, section.client_ca_file)
    return [folder / name for name in names if name]


def _values(path: Path) -> dict[str, Any]:
    try:
        data = read_bounded(path, MAX_BYTES)
        if data is None:
            raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes. Is it the right file?")
        values = yaml_text.parsed(data.decode())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}. Name a web configuration file.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text. Is it the right file?") from None
    except yaml_text.YamlTextError as error:
        raise ConfigError(f"{path}: line {error.line}: {error.what}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # The library's own words show a piece of the file.
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}: not valid YAML{where}.") from None
    if not values:
        # An editor or a script may empty a file before it writes it: that must let nobody in.
        raise ConfigError(f"{path}: is empty. Leave --web.config.file out to protect nothing.")
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold sections such as tls_server_config.")
    return values


def _parsed(path: Path, values: dict[str, Any]) -> WebFile:
    try:
        return WebFile(**values) if all(isinstance(key, str) for key in values) else _no_text(path)
    except ValidationError as error:
        lines = [_line(path, item) for item in error.errors(include_input=False)]
        raise ConfigError("\n".join(dict.fromkeys(lines))) from None


def _no_text(path: Path) -> WebFile:
    raise ConfigError(f"{path}: must hold sections such as tls_server_config.")


def _line(path: Path, error: Mapping[str, Any]) -> str:
    """One mistake as FILE: KEY: RULE."""
    location = tuple(str(part) for part in error["loc"])
    key, kind = ".".join(location), str(error["type"])
    if kind == "extra_forbidden":
        return f"{path}: {key}: unknown key.{_suggestion(location)}"
    if kind == "value_error":
        return f"{path}: {key}: {error['ctx']['error']}."
    rule = _RULES.get(kind, "is not valid").format_map(error.get("ctx", {}))
    return f"{path}: {key}: {rule}."


def _suggestion(location: tuple[str, ...]) -> str:
    section = _SECTIONS.get(location[:-1])
    if section is None:
        return ""
    known = [field.alias or name for name, field in section.model_fields.items()]
    close = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.6)
    if close:
        return f" Did you mean '{close[0]}'?"
    return f" Known keys: {', '.join(sorted(known))}."
