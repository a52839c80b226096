"""The systemd unit: understood by systemd, closed as far as its score says, and able to stop."""

import re
import subprocess
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.config.file import load
from tests.deploy.dockerfile import ROOT
from tests.deploy.shutdown import longest_seconds

FOLDER = ROOT / "deploy" / "systemd"
UNIT = FOLDER / "aead-monitor@.service"
DROP_INS = ("gpu.conf", "kafka-password.conf")
PROGRAM = "/opt/aead-monitor/bin/aead-monitor"
SCORES = {None: 1.1, "kafka-password.conf": 1.1, "gpu.conf": 1.5}
"""`systemd-analyze security`: 0 is closed, 10 is open. docs/deploying.md states them.

Those of systemd 252; another version may weigh a little differently.
"""


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """systemd-analyze needs no running systemd for what is asked of it here."""
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True)


def installed(folder: Path, drop_in: str | None = None) -> Path:
    """The unit as it would lie in /etc/systemd/system, its program replaced by one that is here."""
    unit = folder / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace(PROGRAM, "/bin/true"))
    if drop_in is not None:
        extra = folder / f"{UNIT.name}.d" / drop_in
        extra.parent.mkdir()
        extra.write_text((FOLDER / drop_in).read_text("utf-8"))
    return unit


def settings(path: Path = UNIT) -> dict[str, list[str]]:
    """Every key with its values, in order."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", path.read_text("utf-8"), flags=re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("drop_in", [None, *DROP_INS])
def test_systemd_understands_every_line(drop_in: str | None, tmp_path: Path) -> None:
    done = analyze("verify", "--man=no", str(installed(tmp_path, drop_in)))
    ours = [line for line in done.stderr.splitlines() if "aead-monitor" in line]
    assert not ours
    assert done.returncode == 0


@pytest.mark.parametrize("drop_in", SCORES)
def test_the_sandbox_is_as_closed_as_we_say(drop_in: str | None, tmp_path: Path) -> None:
    done = analyze("security", "--offline=true", "--no-pager", str(installed(tmp_path, drop_in)))
    (score,) = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert float(score) <= SCORES[drop_in], done.stdout
    page = (ROOT / "docs" / "deploying.md").read_text("utf-8")
    assert f"**{SCORES[drop_in]}**" in page


def test_it_is_given_the_time_to_stop() -> None:
    default_seconds = 20.0
    assert float(settings()["TimeoutStopSec"][0]) > longest_seconds(default_seconds)


def test_only_the_main_process_is_asked_to_stop_and_once() -> None:
    # A second SIGTERM has it exit at once.
    assert settings()["KillMode"] == ["mixed"]
    assert "SendSIGHUP" not in settings()


def test_a_mistake_in_the_configuration_is_not_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["run", "--config", str(tmp_path / "missing.yaml")])
    assert capsys.readouterr().err
    assert settings()["RestartPreventExitStatus"] == [str(code)]
    assert settings()["Restart"] == ["on-failure"]
    # systemd holds only the main process's exit code against it.
    assert "ExecStartPre" not in settings()


def test_the_sandbox_lets_torch_make_code_and_see_the_processor() -> None:
    assert "MemoryDenyWriteExecute" not in settings()
    assert "ProcSubset" not in settings()


def test_reload_looks_for_a_new_model() -> None:
    assert settings()["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


def test_each_stream_has_a_state_of_its_own() -> None:
    assert settings()["StateDirectory"] == ["aead-monitor/%i"]
    variables = " ".join(settings()["Environment"]).split()
    assert "AEAD_MONITOR_STATE__DIRECTORY=/var/lib/aead-monitor/%i" in variables


def test_the_password_is_a_credential_that_the_configuration_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_in = settings(FOLDER / "kafka-password.conf")
    (credential,) = drop_in["LoadCredential"]
    (variable,) = drop_in["Environment"]
    key, _, value = variable.partition("=")
    assert value == f"%d/{credential.partition(':')[0]}"
    monkeypatch.setenv(key, value.replace("%d", str(tmp_path)))
    path = tmp_path / "digits.yaml"
    path.write_text(
        "model: model\nkafka: {topic: images, security_protocol: SASL_SSL,"
        " sasl: {mechanism: PLAIN, username: monitor, password_file: none}}\ncodec: {name: raw}\n"
    )
    sasl = load(str(path)).kafka.sasl
    assert sasl is not None
    assert sasl.password_file == tmp_path / "kafka-password"


def test_the_user_is_made_by_sysusers(tmp_path: Path) -> None:
    name = "aead-monitor.sysusers.conf"
    (tmp_path / "etc").mkdir()
    done = subprocess.run(
        ["systemd-sysusers", "--root", tmp_path, FOLDER / name], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (user,) = settings()["User"]
    assert re.search(f"^{user}:", (tmp_path / "etc/passwd").read_text(), flags=re.MULTILINE)
