"""What comes from files, models and servers never plays tricks on the terminal."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from models.bundle_files import MANIFEST
from monitor.cli import main
from tests.models.bundles import reseal, write

ESCAPE = "\x1b[2J\x1b]0;owned\x07"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """All that a command prints."""
    capsys.readouterr()
    main(list(arguments))
    captured = capsys.readouterr()
    return captured.out + captured.err


def harmless(text: str) -> bool:
    return bool(text) and all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"created": ESCAPE}},
        {"metadata": {"created": "2026-01-01T00:00:00+00:00", "notes": ESCAPE}},
        {"architecture": ESCAPE},
        {"error_metric": ESCAPE},
        {"schema_version": ESCAPE},
        {"architecture_settings": {ESCAPE: 1}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_crafted_bundle(
    change: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "bundle").path
    reseal(folder, **change)
    assert harmless(printed(capsys, "check-bundle", str(folder)))


def test_names_of_columns_in_a_bundle_and_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data.csv"
    lines = [",".join(f"{i * j % 7}.5" for j in range(1, 4)) for i in range(80)]
    data.write_text("\n".join([f"a,b,c{ESCAPE}", *lines]))
    said = printed(
        capsys, "train", "--data", str(data), "--out", str(tmp_path / "model"), "--epochs", "1"
    )
    assert harmless(said)
    assert (tmp_path / "model" / MANIFEST).is_file(), said
    data.write_text("\n".join([f"a,b{ESCAPE},d", *lines]))
    model, out = str(tmp_path / "model"), str(tmp_path / "scores.csv")
    assert harmless(printed(capsys, "score", model, "--data", str(data), "--out", out))


def test_a_label_in_the_registry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "bundle").path
    registry = ["--registry", str(tmp_path / "registry")]
    main(["models", "add", str(folder), "--note", f"new {ESCAPE} pen", *registry])
    (label,) = (tmp_path / "registry" / "versions").glob("*/added.json")
    text = json.loads(label.read_text())
    label.chmod(0o644)
    label.write_text(json.dumps({**text, "note": ESCAPE, "architecture": ESCAPE}))
    assert harmless(printed(capsys, "models", "list", *registry))
    assert harmless(printed(capsys, "models", "history", *registry))


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503)
        self.end_headers()
        self.wfile.write(ESCAPE.encode())

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_an_answer_about_health(
    port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        f"model: m\nkafka: {{topic: in}}\ncodec: {{name: raw}}\nhttp: {{port: {port}}}\n"
    )
    said = printed(capsys, "check-health", "--config", str(config))
    assert "answers 503" in said
    assert harmless(said)


def test_a_configuration_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    for text in (
        f'"{ESCAPE}": 1\n'.replace("\x1b", "\\e").replace("\x07", "\\a"),
        'model: m\nkafka: {topic: "\\e[2J"}\ncodec: {name: raw}\n',
        'model: m\nkafka: {topic: in, options: {"\\e[2J": 1}}\ncodec: {name: raw}\n',
        'model: m\nkafka: {topic: in, bootstrap_servers: "\\e[2J:1"}\ncodec: {name: raw}\n',
        'model: m\nkafka: {topic: in, topic: in, "\\e[2J": 1, "\\e[2J": 1}\ncodec: {name: raw}\n',
    ):
        path.write_text(text)
        assert harmless(printed(capsys, "check-config", str(path)))
