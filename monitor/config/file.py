"""Reads a configuration file; every mistake becomes one line that says what to do."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsError

from models.files import read_bounded
from monitor.config import Config, environment, placeholders
from monitor.config.environment import PREFIX
from monitor.config.names import suggestion
from monitor.config.registry import VERSION
from monitor.errors import ConfigError
from monitor.process import yaml_text
from monitor.process.text import one_line, printable_line

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
    "string_too_long": "must have at most {max_length} characters",
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
    "union_tag_invalid": "kind must be one of {expected_tags}",
    "union_tag_not_found": "kind is missing",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length} items",
}


def load(path: str, web_config_file: Path | None = None) -> Config:
    """Read and check a file; raises ConfigError with one line for each mistake.

    Relative paths in it are taken from the folder of the file. web_config_file: instead of
    http.web_config_file.
    """
    values = _read(path)
    _check_keys(path, values)
    placeholders.check(path, values)
    environment.check(Config.model_fields)
    try:
        config = Config(**values)
    except ValidationError as error:
        # A default that is made of other keys cannot be told where these are wrong.
        items = [item for item in error.errors() if item["type"] != "default_factory_not_called"]
        lines = [_line(path, item) for item in items]
        raise ConfigError("\n".join(dict.fromkeys(lines))) from None
    except SettingsError as error:
        raise ConfigError(f"{path}: {one_line(error)}. Lists are written as [1, 2].") from None
    return _protected(_resolved(config, Path(path).resolve().parent), web_config_file)


def _protected(config: Config, web_config_file: Path | None) -> Config:
    if web_config_file is None:
        return config
    http = config.http.model_copy(update={"web_config_file": web_config_file})
    return config.model_copy(update={"http": http})


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
        data = read_bounded(Path(path), MAX_BYTES)
        if data is None:
            raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes. Is it the right file?")
        values = yaml_text.parsed(data.decode())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}. Name a configuration file.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text. Is it the right file?") from None
    except yaml_text.YamlTextError as error:
        raise ConfigError(f"{path}: line {error.line}: {one_line(error)}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid YAML: {one_line(error)}") from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{path}: must hold keys and values such as 'model: ./model'.")
    return values


def _check_keys(path: str, values: Mapping[str, Any]) -> None:
    """Refuse unknown keys before pydantic-settings sees them: some mean something to it."""
    for key in values:
        if key not in Config.model_fields:
            hint = suggestion(key, list(Config.model_fields))
            raise ConfigError(f"{path}: {key}: unknown key.{hint}")


def _line(path: str, error: Mapping[str, Any]) -> str:
    """One mistake as FILE: KEY: RULE, got VALUE. WHAT TO DO."""
    location = tuple(error["loc"])
    key = ".".join(str(part) for part in location)
    source = _source(path, location)
    kind = str(error["type"])
    section, field = _find(location)
    if kind == "extra_forbidden":
        known = list(_fields(section)) if section else []
        return f"{source}: {key}: unknown key.{suggestion(str(location[-1]), known)}"
    hint = f" {field}" if field else ""
    if kind == "missing":
        return f"{source}: {key}: is required, and missing.{hint}"
    if kind == "value_error":
        where = f"{key}: " if key else ""
        return f"{source}: {where}{error['ctx']['error']}."
    rule = _RULES.get(kind, "").format_map(error.get("ctx", {})) or _rule_of(error)
    return f"{source}: {key}: {rule}, got {_shown(error['input'])}.{hint}"


def _rule_of(error: Mapping[str, Any]) -> str:
    return "is not valid: " + one_line(error["msg"])


def _source(path: str, location: Sequence[object]) -> str:
    """The environment variable that set the value, or the file."""
    names = {name.upper(): name for name in os.environ}
    for length in range(len(location), 0, -1):
        name = PREFIX + "__".join(str(part).upper() for part in location[:length])
        if name in names:
            return f"environment variable {names[name]}"
    return path


def _find(
    location: Sequence[object], top: type[BaseModel] = Config
) -> tuple[type[BaseModel] | None, str]:
    """The section that a location ends in, and the description of its field."""
    sections = [top]
    description = ""
    for depth, part in enumerate(location):
        if isinstance(part, int):  # a place in a list
            continue
        tagged = [section for section in sections if _has_tag(section, part)]
        if len(sections) > 1 and tagged:
            sections = tagged
            continue
        field = _fields(sections[0]).get(str(part)) if len(sections) == 1 else None
        if field is None:
            break
        description = field.description or ""
        if depth < len(location) - 1:
            sections = _sections(field.annotation) or sections
    return sections[0] if len(sections) == 1 else None, description


def _fields(section: type[BaseModel]) -> dict[str, FieldInfo]:
    """Its fields by the keys that stand for them: some keys are no names in Python."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """All sections that a value may be, or hold in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for choice in get_args(annotation) for section in _sections(choice)]


def _has_tag(section: type[BaseModel], tag: object) -> bool:
    """Whether it is the section of a list's items of this kind."""
    field = section.model_fields.get("kind")
    return field is not None and tag in get_args(field.annotation)


def _shown(value: object) -> str:
    return printable_line(repr(value), _SHOWN + len("..."))


def _resolved(config: Config, folder: Path) -> Config:
    """The configuration with its relative paths taken from the file's folder."""
    update = _resolved_fields(config, folder)
    if config.shadow is not None and not _is_version(config):
        update["shadow"] = str(folder / Path(config.shadow).expanduser())
    return config.model_copy(update=update)


def _is_version(config: Config) -> bool:
    """Whether `shadow` names a version in the registry, and not a folder."""
    return config.registry is not None and bool(VERSION.fullmatch(config.shadow or ""))


def _resolved_fields(section: BaseModel, folder: Path) -> dict[str, Any]:
    return {
        name: _resolved_value(getattr(section, name), folder) for name in type(section).model_fields
    }


def _resolved_value(value: Any, folder: Path) -> Any:
    if isinstance(value, Path):
        return folder / value.expanduser()
    if isinstance(value, BaseModel):
        return value.model_copy(update=_resolved_fields(value, folder))
    if isinstance(value, tuple):
        return tuple(_resolved_value(item, folder) for item in value)
    if isinstance(value, dict):
        return {key: _resolved_value(item, folder) for key, item in value.items()}
    return value
