"""One holder at a time, among threads, processes and versions of this program."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from monitor.process.file_lock import TakenError, locked

HOLDER = """
import sys, time
from pathlib import Path
from monitor.process.file_lock import locked
with locked(Path(sys.argv[1]), 0, 0o600):
    print("held", flush=True)
    time.sleep(600)
"""
LONG = 60.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, which holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def free(path: Path) -> bool:
    """Whether the lock can be taken at once."""
    try:
        with locked(path, 0, 0o600):
            return True
    except TakenError:
        return False


def test_what_another_process_holds_is_refused_at_once_or_after_a_while(
    path: Path, holder: subprocess.Popen[str]
) -> None:
    for seconds in (0, 0.1):
        with pytest.raises(TakenError, match="another process"), locked(path, seconds, 0o600):
            pass


def test_the_lock_of_a_killed_process_is_free(path: Path, holder: subprocess.Popen[str]) -> None:
    assert not free(path)
    holder.send_signal(signal.SIGKILL)
    with locked(path, LONG, 0o600):
        assert holder.wait(LONG) == -signal.SIGKILL


def test_threads_shut_one_another_out_and_pass_it_on(path: Path) -> None:
    entered = threading.Event()

    def wait() -> None:
        with locked(path, LONG, 0o600):
            entered.set()

    with locked(path, 0, 0o600):
        other = threading.Thread(target=wait)
        other.start()
        assert not entered.wait(0.2)
    other.join()
    assert entered.is_set()


def test_it_may_be_given_back_by_another_thread(path: Path) -> None:
    held = ExitStack()
    held.enter_context(locked(path, 0, 0o600))
    assert not free(path)
    other = threading.Thread(target=held.close)
    other.start()
    other.join()
    assert free(path)


def test_an_older_version_which_called_flock_itself_is_kept_out_and_keeps_us_out(
    path: Path,
) -> None:
    theirs = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert not free(path)
        fcntl.flock(theirs, fcntl.LOCK_UN)
        with locked(path, 0, 0o600), pytest.raises(BlockingIOError):
            fcntl.flock(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(theirs)


def test_the_file_stays_the_same_for_those_who_wait_for_it(path: Path) -> None:
    path.write_bytes(b"")
    before = path.stat().st_ino
    with locked(path, 0, 0o600):
        pass
    assert path.stat().st_ino == before


def test_a_lock_file_gets_its_mode_and_is_given_to_whoever_took_it(path: Path) -> None:
    handles = []
    with locked(path, 0, 0o600, handles.append):
        assert os.path.samestat(os.fstat(handles[0]), path.stat())
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path / "absent" / "lock", 0, 0o600):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_followed(tmp_path: Path, path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), locked(path, 0, 0o600):
        pass
    assert not (tmp_path / "elsewhere").exists()
