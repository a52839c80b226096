"""Configuration mistakes: each is one line with source, key, what was got, and what to do."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.codecs import CODECS
from monitor.config.file import load, read_secret
from monitor.errors import ConfigError

VALID = """\
model: ./model
kafka:
  topic: images
codec:
  name: raw
"""


def listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}"


BROKEN = {
    "an unknown key": (
        VALID + "btach: {}\n",
        "FILE: btach: unknown key. Did you mean 'batch'?",
    ),
    "an unknown key in a section": (
        VALID.replace("topic: images", "topic: images\n  bootstrap_server: x:1"),
        "FILE: kafka.bootstrap_server: unknown key. Did you mean 'bootstrap_servers'?",
    ),
    "a value below its limit": (
        VALID + "batch: {max_records: 0}\n",
        "FILE: batch.max_records: must be at least 1, got 0. Set it to the largest batch that"
        " fits your device.",
    ),
    "a missing section": (
        "model: ./model\ncodec: {name: raw}\n",
        "FILE: kafka: is required, and missing. The topic that is watched.",
    ),
    "a missing key": (
        "model: ./model\nkafka: {}\ncodec: {name: raw}\n",
        "FILE: kafka.topic: is required, and missing. The topic that holds the records.",
    ),
    "a choice that is none": (
        VALID.replace("name: raw", "name: csv"),
        f"FILE: codec.name: must be {listed(map(repr, CODECS))}, got 'csv'."
        f" One of {listed(CODECS)}.",
    ),
    "text where a number belongs": (
        VALID + "http: {port: web}\n",
        "FILE: http.port: must be a whole number, got 'web'. Port to listen on; 0 takes a free"
        " one.",
    ),
    "an impossible quantile": (
        VALID + "window: {quantiles: [0.5, 1.5]}\n",
        "FILE: window.quantiles.1: must be less than 1.0, got 1.5. Rolling quantiles to export.",
    ),
    "a login without its protocol": (
        VALID.replace(
            "topic: images",
            "topic: images\n  sasl: {mechanism: PLAIN, username: u, password_file: p}",
        ),
        "FILE: kafka: the section sasl needs security_protocol SASL_SSL or SASL_PLAINTEXT.",
    ),
    "broken YAML": (
        "model: [./model\nkafka: {}\n",
        "FILE: not valid YAML:",
    ),
    "a list instead of keys": (
        "- model\n",
        "FILE: must hold keys and values such as 'model: ./model'.",
    ),
    "an output that no broker would take": (
        VALID + "outputs: {anomalies: my topic}\n",
        "FILE: outputs.anomalies: must match",
    ),
    "a broker without a port": (
        VALID.replace("topic: images", "topic: images\n  bootstrap_servers: localhost:abc"),
        "FILE: kafka.bootstrap_servers: must be brokers as HOST:PORT, a list or separated by"
        " commas, got 'localhost:abc'.",
    ),
    "an infinite number": (
        VALID + "shutdown_seconds: .inf\n",
        "FILE: shutdown_seconds: must be a finite number, got inf.",
    ),
    "a key that is not ours": (
        VALID + "_env_file: /etc/hostname\n",
        "FILE: _env_file: unknown key.",
    ),
    "a date that is none": (
        VALID.replace("./model", "2024-13-45"),
        "FILE: not valid YAML:",
    ),
    "an output that would be read again": (
        VALID + "outputs: {alerts: images}\n",
        "FILE: outputs.alerts must not be kafka.topic: the daemon would read what it wrote.",
    ),
    "settings that contradict each other": (
        VALID + "window: {records: 100, panes: 200}\n",
        "FILE: window.panes must not be more than window.records.",
    ),
    "a budget that is none": (
        VALID + "drift: {false_alarms: rarely}\n",
        "FILE: drift.false_alarms: 'rarely' is no budget. Write N per TIME or N per M records",
    ),
    "a budget that would page every minute": (
        VALID + "drift: {false_alarms: 1 per 10 records}\n",
        "FILE: drift.false_alarms: '1 per 10 records': allow at most 1 in 1000 records",
    ),
}


def write(folder: Path, text: str) -> str:
    path = folder / "aead-monitor.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake_is_one_line_that_says_what_to_do(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, expected = BROKEN[name]
    path = write(tmp_path, text)
    assert main(["check-config", path]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("aead-monitor: " + expected.replace("FILE", path))
    assert len(printed.err.splitlines()) == 1


def test_a_missing_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--config", "/nowhere.yaml"]) == 2
    assert capsys.readouterr().err == (
        "aead-monitor: /nowhere.yaml: No such file or directory. Name a configuration file.\n"
    )


def test_two_mistakes_are_two_lines(tmp_path: Path) -> None:
    path = write(tmp_path, VALID + "batch: {max_records: 0}\nhttp: {port: -1}\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert len(str(caught.value).splitlines()) == 2


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEAD_MONITOR_BATCH__MAX_RECORDS", "64")
    monkeypatch.setenv("AEAD_MONITOR_KAFKA__TOPIC", "other")
    monkeypatch.setenv("AEAD_MONITOR_WINDOW__QUANTILES", "[0.25]")
    config = load(write(tmp_path, VALID + "batch: {max_records: 8, linger_seconds: 1}\n"))
    assert config.batch.max_records == 64
    assert config.batch.linger_seconds == 1
    assert config.kafka.topic == "other"
    assert config.window.quantiles == (0.25,)


def test_a_mistake_in_the_environment_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEAD_MONITOR_BATCH__MAX_RECORDS", "many")
    with pytest.raises(ConfigError, match=r"^environment variable AEAD_MONITOR_BATCH__MAX_RECORDS"):
        load(write(tmp_path, VALID))


def test_a_misspelt_variable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEAD_MONITOR_MODLE", "x")
    with pytest.raises(ConfigError, match=r"AEAD_MONITOR_MODLE.*Did you mean 'model'"):
        load(write(tmp_path, VALID))


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    assert load(write(tmp_path, VALID)).model == tmp_path / "model"


def test_a_shadow_is_a_folder_or_a_version_in_the_registry(tmp_path: Path) -> None:
    version = "0123456789abcdef"
    kept = VALID.replace("model: ./model", "registry: {path: ./models}")
    assert kept != VALID
    assert load(write(tmp_path, VALID + "shadow: ./next\n")).shadow == str(tmp_path / "next")
    assert load(write(tmp_path, kept + f"shadow: '{version}'\n")).shadow == version
    assert load(write(tmp_path, VALID + f"shadow: '{version}'\n")).shadow == str(tmp_path / version)


def test_output_topics_are_named_after_the_input(tmp_path: Path) -> None:
    config = load(write(tmp_path, VALID + "outputs: {alerts: pager}\n"))
    assert config.topic_for("anomaly") == "images.anomalies"
    assert config.topic_for("dead_letter") == "images.dead-letters"
    assert config.topic_for("alert") == "pager"


def test_printing_shows_every_value_and_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text("correct horse\n")
    secure = VALID.replace(
        "topic: images",
        "topic: images\n  security_protocol: SASL_SSL\n"
        "  sasl: {mechanism: PLAIN, username: u, password_file: password}",
    )
    assert main(["check-config", write(tmp_path, secure), "--print", "--no-model"]) == 0
    printed = capsys.readouterr().out
    assert "linger_seconds: 0.2" in printed
    assert f"password_file: {tmp_path / 'password'}" in printed
    assert "correct horse" not in printed


def test_a_secret_is_read_without_its_newline(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse\n")
    assert read_secret(tmp_path / "password", "kafka.sasl.password_file") == "correct horse"


@pytest.mark.parametrize("content", [None, ""])
def test_a_missing_or_empty_secret_names_key_and_file(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=r"^kafka\.sasl\.password_file: .*password"):
        read_secret(path, "kafka.sasl.password_file")
