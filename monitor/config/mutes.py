"""The configuration's list of planned maintenance: when no drift alert leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from monitor.config.section import Section
from monitor.state.mutes import (
    DAYS,
    LONGEST_REASON,
    Once,
    Planned,
    Weekly,
    moment,
    seconds_of,
    time_of_day,
    zone_of,
)

MOST: Final = 100
"""Entries of the list."""
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _as_text(value: Any) -> Any:
    """YAML makes a time of what looks like one."""
    return value.isoformat() if isinstance(value, date | datetime) else value


def _checked(check: Callable[[str], object]) -> AfterValidator:
    """A text that `check` takes; it raises ValueError for others."""

    def taken(text: str) -> str:
        check(text)
        return text

    return AfterValidator(taken)


Moment = Annotated[str, BeforeValidator(_as_text), _checked(moment)]


class MuteConfig(Section):
    """One entry: `from` and `to`, or `days`, `at`, `for` and `timezone`."""

    name: str = Field(min_length=1, max_length=100, description="Its name, in log and status.")
    reason: str = Field(
        min_length=1, max_length=LONGEST_REASON, description="Why; shown wherever it mutes."
    )
    begin: Moment | None = Field(
        None, alias="from", description="Begin, in ISO 8601 with a zone or offset."
    )
    to: Moment | None = Field(None, description="End, in ISO 8601 with a zone or offset.")
    days: tuple[Day, ...] | None = Field(None, description="Days of the week on which it begins.")
    at: Annotated[str, _checked(time_of_day)] | None = Field(
        None, description="Time of the day at which it begins, in quotes."
    )
    length: Annotated[str, _checked(seconds_of)] | None = Field(
        None, alias="for", description="How long it lasts, such as 2h; 31d at most."
    )
    timezone: Annotated[str, _checked(zone_of)] | None = Field(
        None, description="Zone of `at`, such as Europe/Berlin."
    )

    @model_validator(mode="after")
    def _whole(self) -> MuteConfig:
        once = {"from": self.begin, "to": self.to}
        weekly = {
            "days": self.days, "at": self.at, "for": self.length, "timezone": self.timezone,
        }  # fmt: skip
        for form, other in ((once, weekly), (weekly, once)):
            missing = [key for key, value in form.items() if value is None]
            given = [key for key, value in other.items() if value is not None]
            if not missing and not given:
                self.planned()
                return self
        raise ValueError("give either from and to, or days, at, for and timezone, and not both")

    def planned(self) -> Planned:
        """When it mutes."""
        if self.begin is not None and self.to is not None:
            return Once(self.name, self.reason, moment(self.begin), moment(self.to))
        days = self.days or ()
        if len(set(days)) < len(days):
            raise ValueError("days: each at most once")
        return Weekly(
            self.name,
            self.reason,
            frozenset(DAYS.index(day) for day in days),
            time_of_day(self.at or ""),
            seconds_of(self.length or ""),
            zone_of(self.timezone or ""),
        )


def check_names(mutes: tuple[MuteConfig, ...]) -> tuple[MuteConfig, ...]:
    """The same list. Raises ValueError if two have one name."""
    names = [mute.name for mute in mutes]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"names must differ, and are there twice: {', '.join(sorted(twice))}")
    return mutes


Mutes = Annotated[tuple[MuteConfig, ...], Field(max_length=MOST), AfterValidator(check_names)]
