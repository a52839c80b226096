"""What the user writes counts as written, or is refused: nothing of it is lost without a word."""

import time
from pathlib import Path

import pytest
import structlog

from monitor.cli import main
from monitor.config import environment
from monitor.config.file import load
from monitor.errors import ConfigError

VALID = """\
model: ./model
kafka: {topic: images}
codec: {name: raw}
"""
MOST_SECONDS = 20


def kafka(setting: str) -> str:
    return VALID.replace("topic: images", f"topic: images, {setting}")


def write(folder: Path, text: str) -> str:
    path = folder / "aead-monitor.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def refusal(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that check-config says, without program and file."""
    path = write(folder, text)
    assert main(["check-config", path]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    return line.removeprefix(f"aead-monitor: {path}: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            VALID + "drift: {streams: 40}\nbatch: {}\ndrift: {streams: 1}\n",
            "line 6: drift: the key is there twice, first in line 4.",
        ),
        (
            VALID + "drift:\n  false_alarms: 1 per 365d\n  streams: 40\n"
            "  false_alarms: 1 per 30d\n",
            "line 7: false_alarms: the key is there twice, first in line 5.",
        ),
        (
            VALID + 'http: {port: 1, "port": 2}\n',
            "line 4: port: the key is there twice, first in line 4.",
        ),
        (
            VALID + "retraining:\n  receivers:\n  - {name: a, kind: http, url: 'http://h',\n"
            "     url: 'http://g'}\n",
            "line 7: url: the key is there twice, first in line 6.",
        ),
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_both_lines(
    text: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(tmp_path, text, capsys) == expected


def test_a_section_may_be_made_from_another_one_and_change_it(tmp_path: Path) -> None:
    text = VALID + "retraining:\n  receivers:\n  - &one {name: a, kind: http, url: 'http://h'}\n"
    config = load(write(tmp_path, text + "  - {<<: *one, name: b}\n"))
    assert [receiver.name for receiver in config.retraining.receivers] == ["a", "b"]


@pytest.mark.parametrize(
    "servers",
    [
        "PLAINTEXT://a:9092",
        "'a:9092,SSL://b:9092'",
        "a:99999",
        "a:0",
        "a",
        "'a:9092,'",
        "'a:9092,,b:9092'",
        "'a b:9092'",
        "[]",
        "[a:9092, 7]",
        "[a:9092, 'b:70000']",
        "'${KAFKA}:9092'",
        "'$(KAFKA):9092'",
        "'${KAFKA}'",
    ],
)
def test_addresses_that_no_client_could_use_are_refused(
    servers: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refusal(tmp_path, kafka(f"bootstrap_servers: {servers}"), capsys)
    assert line.startswith("kafka.bootstrap_servers: ")


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        ("[a:9092, 'b.example:9093']", "a:9092,b.example:9093"),
        ("'a:9092 , b:1'", "a:9092,b:1"),
        ("'[::1]:9092'", "[::1]:9092"),
        ("['[fe80::1]:65535']", "[fe80::1]:65535"),
    ],
)
def test_servers_are_a_list_or_a_text(servers: str, expected: str, tmp_path: Path) -> None:
    config = load(write(tmp_path, kafka(f"bootstrap_servers: {servers}")))
    assert config.kafka.bootstrap_servers == expected


@pytest.mark.parametrize(
    ("setting", "key"),
    [("group: '${GROUP}'", "kafka.group"), ("instance: '$(POD_NAME)'", "kafka.instance")],
)
def test_a_variable_that_nothing_replaces_is_refused(
    setting: str, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refusal(tmp_path, kafka(setting), capsys)
    name = "AEAD_MONITOR_" + key.upper().replace(".", "__")
    assert line.startswith(f"{key}: holds $")
    assert line.endswith(f" or set the environment variable {name}.")


def test_a_variable_that_nothing_replaces_is_refused_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEAD_MONITOR_KAFKA__GROUP", "watch-$(POD_NAME)")
    with pytest.raises(ConfigError, match=r"AEAD_MONITOR_KAFKA__GROUP: holds \$\(POD_NAME\)"):
        load(write(tmp_path, VALID))


def test_a_program_may_be_given_what_looks_like_a_variable(tmp_path: Path) -> None:
    receivers = "[{name: a, kind: command, arguments: [sh, -c, 'echo ${HOME}']}]"
    load(write(tmp_path, VALID + f"retraining: {{receivers: {receivers}}}\n"))


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ("{anomalies: x1, dead_letters: x1, alerts: x1}", "outputs.dead_letters"),
        ("{alerts: images.anomalies}", "outputs.alerts"),
        ("{anomalies: images}", "outputs.anomalies must not be kafka.topic"),
        ("{anomalies: x.alerts, alerts: x_alerts}", "outputs.alerts must not be x_alerts beside"),
        ("{alerts: images_anomalies}", "outputs.alerts must not be images_anomalies beside"),
    ],
)
def test_each_output_has_a_topic_of_its_own(
    outputs: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(tmp_path, VALID + f"outputs: {outputs}\n", capsys).startswith(expected)


def test_a_receiver_does_not_write_among_the_outputs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receivers = "[{name: all, kind: kafka, topic: images.alerts}]"
    line = refusal(tmp_path, VALID + f"retraining: {{receivers: {receivers}}}\n", capsys)
    assert line.startswith("retraining.receivers: all must not write to outputs.alerts")


@pytest.mark.parametrize(
    "text",
    [
        VALID + "http: {port: 010}\n",
        VALID + "batch: {linger_seconds: 1:30}\n",
        VALID + "drift: {streams: yes}\n",
        VALID + "batch: {linger_seconds: true}\n",
        VALID + "threads: on\n",
    ],
)
def test_a_number_is_the_one_that_it_looks_like(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal(tmp_path, text, capsys)


def bomb(rungs: int, joint: str) -> str:
    """Aliases that unfold into more than there are atoms."""
    lines = ["a0: &a0 [x, y]"]
    lines += [f"a{i}: &a{i} {joint.format(f'*a{i - 1}')}" for i in range(1, rungs)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        bomb(60, "[{0}, {0}, {0}]"),
        VALID + "batch:\n" + "\n".join(f"  {line}" for line in bomb(60, "[{0}, {0}]").split("\n")),
        "a0: &a0 {x: 1}\n"
        + "\n".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}" for i in range(1, 60)),
        VALID + "window: {quantiles: &q [0.5, *q]}\n",
        VALID + "batch: &b {max_records: *b}\n",
        "[" * 100_000,
        "a: " + "&a " * 10,
    ],
    ids=["lists", "in a section", "merges", "itself", "its section", "depth", "anchors"],
)
def test_aliases_that_unfold_for_ever_end_at_once(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = time.monotonic()
    refusal(tmp_path, text, capsys)
    assert time.monotonic() - begun < MOST_SECONDS


SERVICE = {
    "AEAD_MONITOR_SERVICE_HOST": "10.0.0.11",
    "AEAD_MONITOR_SERVICE_PORT": "9464",
    "AEAD_MONITOR_SERVICE_PORT_HTTP": "9464",
    "AEAD_MONITOR_PORT": "tcp://10.0.0.11:9464",
    "AEAD_MONITOR_PORT_9464_TCP": "tcp://10.0.0.11:9464",
    "AEAD_MONITOR_PORT_9464_TCP_PROTO": "tcp",
    "AEAD_MONITOR_PORT_9464_TCP_PORT": "9464",
    "AEAD_MONITOR_PORT_9464_TCP_ADDR": "fd00::11",
    "AEAD_MONITOR_MODEL_DESK_SERVICE_HOST": "10.0.0.12",
    "AEAD_MONITOR_MODEL_DESK_PORT": "udp://10.0.0.12:80",
}


def test_variables_that_kubernetes_makes_for_a_service_are_left_alone_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, VALID)
    before = load(path)
    for name, value in SERVICE.items():
        monkeypatch.setenv(name, value)
    assert load(path) == before
    with structlog.testing.capture_logs() as lines:
        environment.tell_left_alone()
    (line,) = lines
    assert line["log_level"] == "debug"
    assert line["names"] == sorted(SERVICE)


def test_nothing_is_told_where_kubernetes_makes_no_variables() -> None:
    with structlog.testing.capture_logs() as lines:
        environment.tell_left_alone()
    assert lines == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AEAD_MONITOR_PORT", "9464"),
        ("AEAD_MONITOR_SERVICE_PORT", "web"),
        ("AEAD_MONITOR_HOST", ""),
    ],
)
def test_a_variable_that_only_looks_like_a_services_is_refused(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=rf"environment variable {name}: unknown key"):
        load(write(tmp_path, VALID))


def test_a_value_that_the_environment_sets_twice_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEAD_MONITOR_DEVICE", "cpu")
    monkeypatch.setenv("aead_monitor_device", "auto")
    with pytest.raises(ConfigError, match="AEAD_MONITOR_DEVICE and aead_monitor_device: both set"):
        load(write(tmp_path, VALID))


def test_a_section_in_the_environment_holds_each_key_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEAD_MONITOR_DRIFT", '{"streams": 40, "streams": 1}')
    with pytest.raises(ConfigError, match="streams: the key is there twice"):
        load(write(tmp_path, VALID))
