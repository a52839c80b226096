"""`aead-monitor mute` and `unmute`: a small file that the daemon notices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.state.mute_file import MuteFile
from monitor.state.mutes import BY_HAND, LONGEST_REASON, Mute

Run = Callable[..., str]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    path = tmp_path / "aead-monitor.yaml"
    path.write_text("model: ./model\nkafka: {topic: in}\ncodec: {name: json}\n")
    return path


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; returns what it printed, or what it said was wrong."""

    def command(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert main([*arguments, "--config", str(config)]) == code
        out, error = capsys.readouterr()
        return error if code else out

    return command


def muted(config: Path, now: float) -> Mute | None:
    found = MuteFile(config.parent / "state").read()
    return None if found is None else found.at(now)


def test_a_mute_lasts_from_now_on_and_is_replaced_by_the_next(run: Run, config: Path) -> None:
    before = datetime.now().timestamp()
    told = run("mute", "2h", "--reason", "a new lamp")
    found = muted(config, before)
    assert found is not None
    assert (found.name, found.reason) == (BY_HAND, "a new lamp")
    assert before + 7190 < found.until < before + 7210
    until = datetime.fromtimestamp(found.until).astimezone().timestamp()
    assert told.startswith("muted until 20")
    assert datetime.fromisoformat(told.split()[2].rstrip(":")).timestamp() == until
    run("mute", "1m", "--reason", "done soon")
    found = muted(config, before)
    assert found is not None
    assert found.until < before + 70


def test_unmute_takes_it_back_and_says_what_mutes_still(run: Run, config: Path) -> None:
    run("mute", "2h", "--reason", "lamp")
    assert run("unmute") == "no longer muted by hand\n"
    assert run("unmute").startswith("nothing is muted by hand in ")
    days = "mon, tue, wed, thu, fri, sat, sun"
    planned = (
        f"{{name: n, reason: 'x\\u202e', days: [{days}], at: '00:00', for: 86399s, timezone: UTC}}"
    )
    config.write_text(config.read_text() + f"mutes: [{planned}]\n")
    assert "the configuration mutes until 20" in run("unmute")


def test_a_damaged_file_is_replaced_or_removed(run: Run, config: Path) -> None:
    path = MuteFile(config.parent / "state").path
    for command in (("mute", "2h", "--reason", "lamp"), ("unmute",)):
        path.parent.mkdir(exist_ok=True)
        path.write_text("{")
        run(*command)
    assert not path.exists()


def test_a_reason_plays_no_tricks_on_a_terminal(run: Run) -> None:
    told = run("mute", "2h", "--reason", "a\x1b[31m\nlamp\u202e")
    assert told.endswith(": a\\x1b[31m lamp\\u202e\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("soon", "--reason", "x"), "TIME must be a number and s, m, h or d, such as 2h"),
        (("32d", "--reason", "x"), "TIME must be at most 31d, got 32d"),
        (("2h", "--reason", " "), "--reason: reason must not be empty"),
        (("2h", "--reason", "r" * (LONGEST_REASON + 1)), "301 characters, 300 are the most"),
    ],
)
def test_a_mistake_is_told_and_mutes_nothing(
    arguments: tuple[str, ...], told: str, run: Run, config: Path
) -> None:
    assert told in run("mute", *arguments, code=2)
    assert MuteFile(config.parent / "state").read() is None


@pytest.mark.parametrize("command", [("mute", "2h", "--reason", "x"), ("unmute",)])
def test_without_a_state_it_says_where_it_looked(
    command: tuple[str, ...], run: Run, config: Path
) -> None:
    (config.parent / "state").rmdir()
    told = run(*command, code=2)
    assert "No such file or directory. Look at state.directory" in told
