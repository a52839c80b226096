"""The command line as a user meets it."""

import subprocess
import sys

import pytest

from monitor.cli import main, parser
from monitor.commands import COMMANDS
from monitor.version import __version__

HEAVY = ("torch", "numpy", "kafka", "pydantic", "scipy", "matplotlib", "prometheus_client")


def names() -> list[str]:
    return [command.__name__.rsplit(".", 1)[1].replace("_", "-") for command in COMMANDS]


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
