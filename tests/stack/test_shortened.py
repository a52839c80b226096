"""What runs in the stack is what is deployed, but for addresses and times."""

import re
from pathlib import Path

import pytest
import yaml

from examples.stack import shortened

TARGETS = {
    "daemon:9464": ["127.0.0.1:1", "127.0.0.1:2"],
    "alertmanager:9093": ["127.0.0.1:3"],
    "localhost:9090": ["127.0.0.1:4"],
}
ADDRESSES = {"targets", "url", "credentials_file"}
DURATION = re.compile(r"(\d+(ms|[smhdwy]))+")


def files():
    """Name, deployed, and what the stack makes of it."""
    made = {
        "prometheus/prometheus.yml": shortened.prometheus(TARGETS),
        "prometheus/rules/aead-monitor.yml": shortened.rules(),
        "alertmanager/alertmanager.yml": shortened.alertmanager("127.0.0.1:5", Path("/s")),
    }
    return [
        pytest.param(yaml.safe_load((shortened.DEPLOY / name).read_text()), own, id=name)
        for name, own in made.items()
    ]


def leaves(value, path=()):
    """Path and value of everything that is not a mapping or a list of mappings."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]
    if isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        return [leaf for i, item in enumerate(value) for leaf in leaves(item, (*path, i))]
    return [(path, value)]


@pytest.mark.parametrize(("deployed", "own"), files())
def test_nothing_differs_but_addresses_and_times(deployed, own):
    before, after = leaves(deployed), leaves(own)
    assert [path for path, _ in after] == [path for path, _ in before]
    changed = {p[-1] for (p, old), (_, new) in zip(before, after, strict=True) if old != new}
    assert changed <= ADDRESSES | shortened.TIMES
    assert changed


@pytest.mark.parametrize(("deployed", "own"), files())
def test_every_time_is_a_sixtieth_and_two_seconds_at_least(deployed, own):
    for (path, old), (_, new) in zip(leaves(deployed), leaves(own), strict=True):
        if path[-1] in shortened.TIMES:
            rest = shortened.seconds(new) - shortened.seconds(old) / 60
            assert 0 <= rest < 1 or new == "2s", path


@pytest.mark.parametrize(("deployed", "own"), files())
def test_no_time_is_overlooked(deployed, own):
    times = {p[-1] for p, value in leaves(deployed) if DURATION.fullmatch(str(value))}
    assert times <= shortened.TIMES


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("7d", 604800), ("500ms", 0.5)]
)
def test_durations_are_those_of_prometheus(text, seconds):
    assert shortened.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "1.5h", "5m!", "-5m"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="no duration"):
        shortened.seconds(text)


def test_an_address_that_nobody_named_is_not_passed_over():
    with pytest.raises(KeyError, match="alertmanager:9093"):
        shortened.prometheus({"localhost:9090": []})


def test_alertmanager_finds_its_tokens_wherever_it_is_started():
    receivers = shortened.alertmanager("127.0.0.1:5", Path("secrets"))["receivers"]
    files = {r["webhook_configs"][0]["http_config"]["authorization"]["credentials_file"]
             for r in receivers}  # fmt: skip
    assert {Path(file).parent for file in files} == {Path("secrets").resolve()}
