"""A shell to type the README's lines into, as they are.

SETUP holds all in which it differs from a user's shell:

- `pip` is uv, on what its cache holds, linked and not copied: torch is 5 GB. What the cache lacks
  is fetched; where there is no uv, it is pip;
- `localhost:9092` on a command line is the tests' broker, and so is it in the configuration;
- the status page has a free port;
- `run` goes to the background, and its log to daemon.log: the README has a second terminal;
- `train` and `simulate` do less: 5 epochs; 20,000 records and one repeat;
- torch has one thread: on shared cores two wait for each other far longer than they work.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.kafka.process import die_with_parent
from tests.readme import ROOT

SETUP = r"""
set -eo pipefail
pip() {
    "$UV" pip "$@" --quiet --offline --link-mode symlink \
        || "$UV" pip "$@" --quiet --link-mode symlink || command pip --quiet "$@"
}
aead-monitor() {
    set -- "${@/#localhost:9092/$BROKER}"
    case $1 in
    run) $DIE_WITH_PARENT "$(type -P aead-monitor)" "$@" 2>daemon.log & daemon=$! ;;
    train) command aead-monitor "$@" --epochs 5 ;;
    simulate) command aead-monitor "$@" --records 20000 --repeats 1 ;;
    *) command aead-monitor "$@" ;;
    esac
}
"""
DONE = "--- done ---"
OF_PYTHON = ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
"""Settings of the tests' own interpreter that a user does not have."""


class Shell:
    """A bash that ends at the first line that fails."""

    def __init__(self, folder: Path, broker: str) -> None:
        self._process = subprocess.Popen(
            [*die_with_parent(), "bash", "--norc", "-s"],
            cwd=folder,
            env=_environment(broker),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.type(SETUP)

    def type(self, lines: str) -> str:
        """Have lines run to their end; returns what they printed, fails if one of them failed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{lines}\necho; echo {shlex.quote(DONE)}\n")
        self._process.stdin.flush()
        printed = []
        for line in self._process.stdout:
            if line.rstrip("\n") == DONE:
                return "".join(printed)
            printed.append(line)
        raise AssertionError(f"{lines}\nended with {self._process.wait()}:\n{''.join(printed)}")

    def close(self) -> None:
        """End the shell, and with it what it runs."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


@contextmanager
def shell(folder: Path, broker: str) -> Iterator[Shell]:
    """A shell in a folder with a copy of the source, as one has it after cloning."""
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("models", "monitor"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    opened = Shell(folder, broker)
    try:
        yield opened
    finally:
        opened.close()


def _environment(broker: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in OF_PYTHON}
    return {
        **kept,
        "PATH": f"{sys.base_prefix}/bin:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "UV": str(Path(sys.executable).with_name("uv")),
        "BROKER": broker,
        "DIE_WITH_PARENT": shlex.join(die_with_parent()),
        "AEAD_MONITOR_KAFKA__BOOTSTRAP_SERVERS": broker,
        "AEAD_MONITOR_HTTP__PORT": "0",
    }
