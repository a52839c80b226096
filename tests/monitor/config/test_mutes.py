"""`mutes` in the configuration: what is planned is checked strictly."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from monitor.cli import main
from monitor.config.file import load
from monitor.config.mutes import MOST
from monitor.errors import ConfigError

HEAD = "model: ./model\nkafka: {topic: images}\ncodec: {name: raw}\n"
ONCE = '{name: lamp, reason: a new lamp, from: 2026-12-01T02:00:00+01:00, to: "2026-12-01T03:00Z"}'
WEEKLY = (
    '{name: belts, reason: belts, days: [mon, thu], at: "02:00", for: 2h, timezone: Europe/Berlin}'
)


def written(tmp_path: Path, *mutes: str) -> str:
    path = tmp_path / "aead-monitor.yaml"
    path.write_text(f"{HEAD}mutes: [{', '.join(mutes)}]\n")
    return str(path)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_both_forms_are_understood(tmp_path: Path) -> None:
    once, weekly = (m.planned() for m in load(written(tmp_path, ONCE, WEEKLY)).mutes)
    found = once.at(at("2026-12-01T01:00:00"))
    assert found is not None
    assert (found.name, found.reason, found.until) == ("lamp", "a new lamp", at("2026-12-01T03:00"))
    assert once.at(at("2026-12-01T00:59:59")) is None
    assert weekly.at(at("2026-12-03T02:59")) is not None
    assert weekly.at(at("2026-12-04T02:59")) is None


def test_what_is_printed_is_read_as_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, ONCE, WEEKLY)
    assert main(["check-config", path, "--no-model", "--print"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    again = tmp_path / "again.yaml"
    again.write_text(HEAD + yaml.safe_dump({"mutes": printed["mutes"]}))
    assert load(str(again)).mutes == load(path).mutes


def test_the_environment_sets_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AEAD_MONITOR_MUTES",
        '[{"name": "a", "reason": "b", "from": "2026-12-01T02:00Z", "to": "2026-12-01T03:00Z"}]',
    )
    assert [mute.name for mute in load(written(tmp_path, WEEKLY)).mutes] == ["a"]


BROKEN = {
    "a begin without a zone": (
        ONCE.replace("+01:00", ""),
        "mutes.0.from: has no zone: write 2026-12-01T02:00:00 with Z or an offset such as +01:00.",
    ),
    "an end that is a number": (
        ONCE.replace('"2026-12-01T03:00Z"', "1764558000"),
        "mutes.0.to: must be text (put it in quotes), got 1764558000. End, in ISO 8601 with a zone"
        " or offset.",
    ),
    "an end before its begin": (
        ONCE.replace("03:00Z", "00:00Z"), "mutes.0: it ends before it begins.",
    ),
    "too long": (
        ONCE.replace("12-01T03", "31-31T03").replace("2026-31-31", "2027-01-31"),
        "mutes.0: it lasts longer than 31 days, the longest that is allowed.",
    ),
    "half of a form": (
        "{name: a, reason: b, from: 2026-12-01T02:00:00+01:00}",
        "mutes.0: give either from and to, or days, at, for and timezone, and not both.",
    ),
    "both forms": (
        WEEKLY.replace("}", ", to: 2026-12-01T02:00:00+01:00}"),
        "mutes.0: give either from and to, or days, at, for and timezone, and not both.",
    ),
    "no such day": (
        WEEKLY.replace("thu", "thursday"),
        "mutes.0.days.1: must be 'mon', 'tue', 'wed', 'thu', 'fri', 'sat' or 'sun', got 'thursday'."
        " Days of the week on which it begins.",
    ),
    "a day twice": (WEEKLY.replace("thu", "mon"), "mutes.0: days: each at most once."),
    "no day": (WEEKLY.replace("mon, thu", ""), "mutes.0: days must not be empty."),
    "no such time": (
        WEEKLY.replace("02:00", "2 am"),
        "mutes.0.at: must be a time of the day such as '02:00', got '2 am'.",
    ),
    "a time that is no text": (
        WEEKLY.replace('"02:00"', "12:30"),
        "line 4: a number that YAML reads as octal or as minutes; write it in plain digits, a time"
        " in quotes.",
    ),
    "no such length": (
        WEEKLY.replace("2h", "2 hours"),
        "mutes.0.for: must be a number and s, m, h or d, such as 2h, got '2 hours'.",
    ),
    "a calendar that never ends": (
        WEEKLY.replace("2h", "4d"),
        "mutes.0: it would never end: for must be shorter than the time between days.",
    ),
    "no such zone": (
        WEEKLY.replace("Europe/Berlin", "Mars/Base"),
        "mutes.0.timezone: must be the name of a time zone such as Europe/Berlin or UTC, got"
        " 'Mars/Base'.",
    ),
    "a misspelt key": (
        WEEKLY.replace("for:", "four:"), "mutes.0.four: unknown key. Did you mean 'for'?",
    ),
    "no reason": (
        WEEKLY.replace("reason: belts", 'reason: ""'),
        "mutes.0.reason: must not be empty, got ''. Why; shown wherever it mutes.",
    ),
    "one name twice": (
        f"{WEEKLY}, {WEEKLY}", "mutes: names must differ, and are there twice: belts.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("mutes", "told"), BROKEN.values(), ids=BROKEN)
def test_a_mistake_is_one_line_that_says_what_to_do(mutes: str, told: str, tmp_path: Path) -> None:
    path = written(tmp_path, mutes)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: {told}"


def test_there_may_be_so_many_and_no_more(tmp_path: Path) -> None:
    many = [WEEKLY.replace("belts", f"belts-{i}", 1) for i in range(MOST + 1)]
    assert len(load(written(tmp_path, *many[:MOST])).mutes) == MOST
    with pytest.raises(ConfigError, match="mutes: must have at most 100 items"):
        load(written(tmp_path, *many))
