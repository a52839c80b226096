"""The tab key: bash itself completes commands, options, choices, files and folders."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from monitor.cli import main, parser
from monitor.commands import COMMANDS, name_of
from monitor.commands.completion import FILES, FOLDERS, SHELLS, actions, script

ASK = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"$(complete -p aead-monitor | sed 's/.* -F \\([^ ]*\\) .*/\\1/')" aead-monitor \
    "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
NO_PATHS = {
    "A", "ACTION", "B", "BUDGET", "CHANGE", "CHARACTER", "CODEC", "COLUMN", "COMMAND",
    "EPISODE", "F", "HOST:PORT", "ID", "KEY=VALUE", "KEY=VALUES", "M", "MARK", "N", "NAME", "P",
    "Q", "R", "RANGE", "S", "SECONDS", "SHARE", "T", "TEXT", "TIME", "TIMES", "TOPIC", "VALUE",
    "VERSION", "W", "WIDTH", "WxH", "auto|cpu|cuda", "auto|hour|week|field:NAME",
}  # fmt: skip
"""Placeholders of arguments that are neither a file nor a folder."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the script, one file and one folder."""
    (tmp_path / "completion.bash").write_text(script(parser(), "bash"))
    (tmp_path / "normal.npy").touch()
    (tmp_path / "nets").mkdir()
    return tmp_path


def offered(folder: Path, line: str) -> set[str]:
    """What bash offers at the end of a line."""
    done = subprocess.run(
        ["bash", "--norc", "-c", ASK, "bash", "completion.bash", *line.split(" ")],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


def test_all_commands_are_offered(folder: Path) -> None:
    assert offered(folder, "aead-monitor ") == {name_of(command) for command in COMMANDS}
    assert offered(folder, "aead-monitor tr") == {"train"}


def test_a_command_offers_its_options_and_its_own_commands(folder: Path) -> None:
    assert offered(folder, "aead-monitor train --o") == {"--out", "--ordered"}
    assert offered(folder, "aead-monitor models ro") == {"rollback"}
    assert offered(folder, "aead-monitor models rollback --re") == {"--registry", "--reason"}


def test_choices_are_offered(folder: Path) -> None:
    assert offered(folder, "aead-monitor demo --drift d") == {"defocus", "dirt"}


def test_files_and_folders_are_offered_where_they_are_meant(folder: Path) -> None:
    assert offered(folder, "aead-monitor train --data n") == {"normal.npy", "nets"}
    assert offered(folder, "aead-monitor score n") == {"nets"}
    assert offered(folder, "aead-monitor produce --topic n") == set()


def test_every_placeholder_is_known_to_be_a_path_or_not() -> None:
    used = {str(action.metavar) for action in actions(parser()) if action.metavar is not None}
    assert used == FILES | FOLDERS | NO_PATHS


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed_and_the_shell_takes_it(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--print-completion", shell])
    printed = capsys.readouterr().out
    assert caught.value.code == 0
    assert "check-config" in printed
    if shutil.which(shell) is None:
        return  # bash is always here, and the others print the same commands
    path = tmp_path / f"completion.{shell}"
    path.write_text(printed)
    assert subprocess.run([shell, "-n", path], capture_output=True, check=True).stderr == b""
