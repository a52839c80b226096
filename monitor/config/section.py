"""What all sections of the configuration have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, model_validator


def no_truth_for_numbers(section: type[BaseModel], values: Any) -> Any:
    """The values of a section as they are. Raises ValueError where true stands for a number.

    Python would take it for 1.
    """
    for name, value in values.items() if isinstance(values, Mapping) else ():
        field = section.model_fields.get(name)
        types = set(_types(field.annotation)) if field else set()
        if isinstance(value, bool) and types & {int, float} and bool not in types:
            raise ValueError(f"{name} must be a number, got {str(value).lower()}")
    return values


def _types(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _types(part)


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _numbers(cls, values: Any) -> Any:
        return no_truth_for_numbers(cls, values)
