"""The command line as a user meets it."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

from monitor.cli import main, parser
from monitor.commands import COMMANDS, GROUPS, name_of
from monitor.version import __version__

HEAVY = ("torch", "numpy", "kafka", "pydantic", "scipy", "matplotlib", "prometheus_client",
         "shtab")  # fmt: skip


def names() -> list[str]:
    return [name_of(command) for command in COMMANDS]


@pytest.mark.parametrize("name", names())
def test_every_command_shows_a_real_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert f"aead-monitor {name}" in capsys.readouterr().out.split("example")[-1]


def test_help_needs_no_heavy_import() -> None:
    code = (
        "import sys, monitor.cli; monitor.cli.parser().format_help();"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"aead-monitor {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["run"], ["demo", "--drift", "none"]])
def test_a_wrong_call_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_the_demo_offers_exactly_the_drifts_that_exist() -> None:
    from monitor.commands.demo import DRIFT_NAMES
    from monitor.demo.drifts import DRIFTS

    assert set(DRIFT_NAMES) == set(DRIFTS)


def test_every_command_is_in_the_top_level_help() -> None:
    text = parser().format_help()
    assert all(name in text for name in names())


def test_the_help_lists_each_command_once_on_one_line_below_its_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = parser().format_help().split("commands:\n")[1].split("\n\n")[0].splitlines()
    expected = []
    for title, commands in GROUPS.items():
        expected += [f"  {title}", *(f"    {name_of(command)}" for command in commands)]
    assert len(lines) == len(expected)
    for line, beginning in zip(lines, expected, strict=True):
        assert line.startswith(beginning)
        title, _, text = line.strip().partition("  ")
        assert (text != "") != (title in GROUPS), line


def test_every_command_file_is_a_command_or_part_of_one() -> None:
    """A command that is in no group could not be called."""
    import monitor.commands as package

    found = {
        module.name
        for module in pkgutil.iter_modules(package.__path__)
        if hasattr(importlib.import_module(f"monitor.commands.{module.name}"), "add_parser")
    }
    assert found == {command.__name__.rpartition(".")[2] for command in COMMANDS}
