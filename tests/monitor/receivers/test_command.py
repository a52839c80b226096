"""The program that is run for a request: what it sees, what its end means, and that it ends."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from monitor.errors import ReceiverError
from monitor.receivers.command import CommandReceiver
from tests.monitor.retraining.documents import document

KEEPS = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
ENVIRONMENT = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[1], 'w'))"
MARGIN_SECONDS = 15.0


def python(code: str, *arguments: object, limit_seconds: float = 60.0) -> CommandReceiver:
    return CommandReceiver(
        [sys.executable, "-c", code, *(str(item) for item in arguments)], limit_seconds
    )


def refusal(receiver: CommandReceiver) -> ReceiverError:
    with pytest.raises(ReceiverError) as caught:
        receiver.deliver(document())
    return caught.value


def test_it_gets_the_request_on_standard_input(tmp_path: Path) -> None:
    large = document(partitions=5000)
    assert python(KEEPS, tmp_path / "got").deliver(large) == "exit code 0"
    assert json.loads((tmp_path / "got").read_bytes()) == large


def test_nothing_in_a_request_is_ever_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nasty = "$(touch x) `touch x` '; touch x;' \" \n touch x \r\n | touch x & ${IFS} \\ \u2028 --x"
    sent = document(reason=nasty, model=nasty, links={nasty: nasty})
    sent.update({key: nasty for key, value in sent.items() if type(value) is str and key != "id"})
    assert python(KEEPS, tmp_path / "got").deliver(sent) == "exit code 0"
    assert json.loads((tmp_path / "got").read_bytes()) == sent
    assert [path.name for path in tmp_path.iterdir()] == ["got"]


def test_its_arguments_are_those_of_the_configuration(tmp_path: Path) -> None:
    code = "import json, sys; json.dump(sys.argv[2:], open(sys.argv[1], 'w'))"
    arguments = ("$HOME", "`id`", "a b", "*", "")
    python(code, tmp_path / "got", *arguments).deliver(document())
    assert json.loads((tmp_path / "got").read_text()) == list(arguments)


def test_it_sees_little_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEAD_SECRET", "s3cret")
    python(ENVIRONMENT, tmp_path / "got").deliver(document())
    seen = json.loads((tmp_path / "got").read_text())
    assert seen["AEAD_REQUEST_ID"] == document()["id"]
    # Python itself adds LC_CTYPE.
    assert seen.keys() <= {"PATH", "HOME", "LANG", "TZ", "AEAD_REQUEST_ID", "LC_CTYPE"}


def test_75_means_try_again_and_others_do_not() -> None:
    assert refusal(python("raise SystemExit(75)")).retryable
    for code in ("raise SystemExit(1)", "import os; os.abort()", "raise SystemExit(127)"):
        assert not refusal(python(code)).retryable


def test_a_program_that_is_not_there_is_refused_for_good(tmp_path: Path) -> None:
    missing = refusal(CommandReceiver([str(tmp_path / "missing")]))
    assert not missing.retryable
    (tmp_path / "text").write_text("no program")
    assert not refusal(CommandReceiver([str(tmp_path / "text")])).retryable


def test_output_without_end_is_read_and_forgotten() -> None:
    code = "import sys; [sys.stdout.write('x' * 2**20) for _ in range(64)]"
    assert python(code).deliver(document()) == "exit code 0"


def test_what_it_printed_is_in_the_log_when_it_fails(capsys: pytest.CaptureFixture[str]) -> None:
    refusal(python("import sys; print('x' * 10**6); sys.exit('out of disk')"))
    said = capsys.readouterr().out
    assert "out of disk" in said
    assert len(said) < 4000


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_program_that_takes_too_long_is_ended_with_its_children(
    tmp_path: Path, stubborn: bool
) -> None:
    ignores = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" if stubborn else ""
    child = f"{ignores}\nimport time; time.sleep(600)"
    code = (
        f"{ignores}\nimport subprocess, sys, time\n"
        "made = subprocess.Popen([sys.executable, '-c', sys.argv[2]])\n"
        "open(sys.argv[1], 'w').write(str(made.pid))\n"
        "time.sleep(600)\n"
    )
    receiver = python(code, tmp_path / "pid", child, limit_seconds=1.5)
    begin = time.monotonic()
    error = refusal(receiver)
    assert time.monotonic() - begin < MARGIN_SECONDS
    assert str(error) == "took longer than 1.5 s and was ended"
    assert not error.retryable
    assert gone(int((tmp_path / "pid").read_text()))


def gone(pid: int) -> bool:
    """Whether a process ends soon; one that nobody waited for is over, too."""
    deadline = time.monotonic() + MARGIN_SECONDS
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def test_what_it_started_on_purpose_goes_on_and_holds_us_up_no_longer(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "made = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open(sys.argv[1], 'w').write(str(made.pid))\n"
    )
    begin = time.monotonic()
    assert python(code, tmp_path / "pid").deliver(document()) == "exit code 0"
    assert time.monotonic() - begin < MARGIN_SECONDS
    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, 0)
    os.kill(pid, 9)


def test_closing_ends_it_to_be_tried_again() -> None:
    receiver = python("import time; time.sleep(600)")
    timer = threading.Timer(0.3, receiver.close)
    timer.start()
    error = refusal(receiver)
    assert error.retryable
    assert "the daemon stops" in str(error)
