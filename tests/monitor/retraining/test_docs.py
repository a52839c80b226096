"""docs/retraining-requests.md tells the truth."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from monitor.cli import parser
from monitor.config.receivers import RECEIVERS, Receivers
from monitor.receivers.webhook import sign
from monitor.retraining.deliveries import STATES
from tests.monitor.receivers.sections import KINDS

TEXT = (Path(__file__).parents[3] / "docs" / "retraining-requests.md").read_text("utf-8")


def test_its_configuration_is_valid_and_shows_every_kind() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)
    values = yaml.safe_load(block)["retraining"]["receivers"]
    receivers = TypeAdapter(Receivers).validate_python(values)
    assert {type(receiver) for receiver in receivers} == set(RECEIVERS)


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_a_row_for_every_kind(kind: str) -> None:
    table = TEXT.partition("| receiver | delivered |")[2].partition("\n\n")[0]
    named = re.findall(r"^\| ([a-z, ]+) \|", table, flags=re.MULTILINE)
    assert kind in ", ".join(named).split(", "), (
        f"docs/retraining-requests.md: add a row for {kind!r}"
    )


def test_its_check_of_a_signature_accepts_ours_and_no_other(monkeypatch: Any) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    monkeypatch.setattr("time.time", lambda: 1000.0)
    for stamp, secret, expected in (
        ("1000", "right", True),
        ("1000", "wrong", False),
        ("699", "right", False),
        ("1301", "right", False),
        ("x", "right", False),
    ):
        headers = {"X-Aead-Timestamp": stamp, "X-Aead-Signature": sign(secret, stamp, b"{}")}
        assert names["is_genuine"]("right", headers, b"{}") is expected
        assert not names["is_genuine"]("right", headers, b"{} ")


def test_its_commands_are_understood() -> None:
    lines = re.findall(r"^    aead-monitor (.+)$", TEXT, flags=re.MULTILINE)
    assert len(lines) == 4
    for line in lines:
        assert parser().parse_args(line.split())


def test_it_explains_every_state() -> None:
    for state in STATES:
        assert f"| `{state}` |" in TEXT
