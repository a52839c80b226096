"""A daemon that is built goes on with the curves that are in its state folder."""

from __future__ import annotations

import threading
import urllib.request
from pathlib import Path

from monitor.config.file import load
from monitor.daemon.assembly.daemon import build
from monitor.daemon.loop import Daemon
from tests.models import bundles
from tests.monitor.builders import pipeline

CONFIG = """
model: {folder}/model
kafka: {{topic: images, bootstrap_servers: "127.0.0.1:1"}}
codec: {{name: raw, dtype: uint8}}
state: {{directory: {folder}/state}}
http: {{port: 0}}
"""


def built(folder: Path) -> Daemon:
    made = build(load(str(folder / "aead-monitor.yaml")), threading.Event())
    made.parts.web.stop()
    assert made.parts.state is not None
    made.parts.state.close()
    return made


def test_curves_survive_a_restart(tmp_path: Path) -> None:
    bundles.write(tmp_path / "model")
    (tmp_path / "aead-monitor.yaml").write_text(CONFIG.format(folder=tmp_path))
    first = built(tmp_path).parts.board.timeline
    first.note(1000.0, pipeline().judge.verdict, 0, 0)
    first.note(1001.0, pipeline().judge.verdict, 10, 1)
    first.save(1001.0)
    again = built(tmp_path).parts.board.timeline.document("week")
    assert (again["rows"], again["anomalous"]) == ([10], [1])
    assert [mark["kind"] for mark in again["marks"]] == ["started", "started"]


def test_the_pages_show_the_configuration_without_secrets(tmp_path: Path) -> None:
    bundles.write(tmp_path / "model")
    (tmp_path / "secret").write_text("kestrel-on-the-wire")
    login = (
        "security_protocol: SASL_PLAINTEXT,"
        " sasl: {mechanism: PLAIN, username: u, password_file: %s/secret}}"
    )
    (tmp_path / "aead-monitor.yaml").write_text(
        CONFIG.format(folder=tmp_path).replace(
            '"127.0.0.1:1"}',
            f'"127.0.0.1:1", {login % tmp_path}',
        )
    )
    made = build(load(str(tmp_path / "aead-monitor.yaml")), threading.Event())
    made.parts.web.start()
    try:
        with urllib.request.urlopen(made.parts.web.url, timeout=10) as answer:
            page = answer.read().decode()
    finally:
        made.parts.web.stop()
        assert made.parts.state is not None
        made.parts.state.close()
    assert "topic: images" in page
    assert "kestrel" not in page
