"""Reads a configuration file; every mistake becomes one line that says what to do."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError

from monitor.config import PREFIX, Config
from monitor.errors import ConfigError

MAX_BYTES = 2**20
_SHOWN = 80
_RULES = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "string_type": "must be text (put it in quotes)",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must match {pattern}",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list",
    "model_type": "must be a section with keys of its own",
    "path_type": "must be a path",
    "finite_number": "must be a finite number",
}


def load(path: str) -> Config:
    """Read and check a file; raises ConfigError with one line for each mistake.

    Relative paths in it are taken from the folder of the file.
    """
    values = _read(path)
    _check_keys(path, values)
    _check_environment(path)
    try:
        config = Config(**values)
    except ValidationError as error:
        lines = [_line(path, item) for item in error.errors()]
        raise ConfigError("\n".join(dict.fromkeys(lines))) from None
    except SettingsError as error:
        raise ConfigError(f"{path}: {_one_line(error)}. Lists are written as [1, 2].") from None
    return _resolved(config, Path(path).resolve().parent)


def read_secret(path: Path, key: str) -> str:
    """The content of a secret's file without the final newline; raises ConfigError."""
    try:
        secret = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(f"{key}: cannot read {path}: {reason}. Name a readable file.") from None
    if not secret:
        raise ConfigError(f"{key}: {path} is empty. Write the secret into it.")
    return secret


def _read(path: str) -> dict[str, Any]:
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes. Is it the right file?")
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}. Name a configuration file.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text. Is it the right file?") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid YAML: {_one_line(error)}") from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{path}: must hold keys and values such as 'model: ./model'.")
    return values


def _check_keys(path: str, values: Mapping[str, Any]) -> None:
    """Refuse unknown keys before pydantic-settings sees them: some mean something to it."""
    for key in values:
        if key not in Config.model_fields:
            hint = _suggestion(key, list(Config.model_fields))
            raise ConfigError(f"{path}: {key}: unknown key.{hint}")


def _check_environment(path: str) -> None:
    """Refuse variables with our prefix that set nothing: they are misspelt."""
    for name in sorted(os.environ):
        if not name.upper().startswith(PREFIX):
            continue
        key = name[len(PREFIX) :].lower().split("__")[0]
        if key not in Config.model_fields:
            hint = _suggestion(key, list(Config.model_fields))
            raise ConfigError(f"environment variable {name}: unknown key '{key}'.{hint}")


def _line(path: str, error: Mapping[str, Any]) -> str:
    """One mistake as FILE: KEY: RULE, got VALUE. WHAT TO DO."""
    location = tuple(error["loc"])
    key = ".".join(str(part) for part in location)
    source = _source(path, location)
    kind = str(error["type"])
    section, field = _find(location)
    if kind == "extra_forbidden":
        known = list(section.model_fields) if section else []
        return f"{source}: {key}: unknown key.{_suggestion(str(location[-1]), known)}"
    hint = f" {field}" if field else ""
    if kind == "missing":
        return f"{source}: {key}: is required, and missing.{hint}"
    if kind == "value_error":
        where = f"{key}: " if key else ""
        return f"{source}: {where}{error['ctx']['error']}."
    rule = _RULES.get(kind, "").format_map(error.get("ctx", {})) or _rule_of(error)
    return f"{source}: {key}: {rule}, got {_shown(error['input'])}.{hint}"


def _rule_of(error: Mapping[str, Any]) -> str:
    return "is not valid: " + _one_line(error["msg"])


def _source(path: str, location: Sequence[object]) -> str:
    """The environment variable that set the value, or the file."""
    names = {name.upper(): name for name in os.environ}
    for length in range(len(location), 0, -1):
        name = PREFIX + "__".join(str(part).upper() for part in location[:length])
        if name in names:
            return f"environment variable {names[name]}"
    return path


def _find(location: Sequence[object]) -> tuple[type[BaseModel] | None, str]:
    """The section that a location ends in, and the description of its field."""
    section: type[BaseModel] | None = Config
    description = ""
    for depth, part in enumerate(location):
        field = section.model_fields.get(str(part)) if section else None
        if field is None:
            break
        description = field.description or ""
        if depth < len(location) - 1:
            section = _section(field.annotation) or section
    return section, description


def _section(annotation: Any) -> type[BaseModel] | None:
    for choice in (annotation, *get_args(annotation)):
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            return choice
    return None


def _suggestion(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f" Did you mean '{close[0]}'?"
    return f" Known keys: {', '.join(sorted(known))}." if known else ""


def _shown(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _one_line(error: object) -> str:
    return " ".join(str(error).split())


def _resolved(config: Config, folder: Path) -> Config:
    """The configuration with its relative paths taken from the file's folder."""
    update = _resolved_fields(config, folder)
    if config.shadow is not None and ":" not in config.shadow:  # a colon: not a path
        update["shadow"] = str(folder / Path(config.shadow).expanduser())
    return config.model_copy(update=update)


def _resolved_fields(section: BaseModel, folder: Path) -> dict[str, Any]:
    update: dict[str, Any] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Path):
            update[name] = folder / value.expanduser()
        elif isinstance(value, BaseModel):
            update[name] = value.model_copy(update=_resolved_fields(value, folder))
    return update
