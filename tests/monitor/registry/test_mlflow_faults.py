"""What comes of a server that is away, silent, another, or lies."""

from __future__ import annotations

import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from models.bundle_files import MANIFEST, MODEL
from monitor.errors import RegistryError, RegistryUnavailableError
from monitor.registry import CURRENT
from monitor.registry.bundle_folders import checked_names
from monitor.registry.mlflow import MlflowRegistry
from tests.monitor.registry.server import free_port


@pytest.mark.parametrize(
    "name",
    ["../bundle.json", "/etc/passwd", "plots/../../x.png", "plots/..", "plots/a/b.png", ".",
     "plots/.png", "", "plots\\x.png", "plots/a.png\n", "README.md/"],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(RegistryError, match="is no file of a bundle: refused"):
        checked_names({name: 1}, "here")


@pytest.mark.parametrize(("name", "size"), [(MANIFEST, 2**24 + 1), (MODEL, None)])
def test_a_file_that_is_too_large_is_refused_before_it_is_fetched(
    name: str, size: int | None
) -> None:
    with pytest.raises(RegistryError, match="larger than"):
        checked_names({name: size}, "here")
    assert checked_names({name: 2**20, "plots/a-1.png": 5}, "here")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second try, and one second for the first."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.mark.usefixtures("hasty")
def test_a_server_that_is_away_says_so_and_to_try_again(
    tmp_path: Path, bundles: list[Path]
) -> None:
    registry = MlflowRegistry(f"http://127.0.0.1:{free_port()}", "digits", tmp_path)
    for call in (
        registry.versions,
        registry.history,
        lambda: registry.resolve(CURRENT),
        lambda: registry.add(bundles[0]),
        lambda: registry.fetch("0" * 16),
    ):
        with pytest.raises(RegistryUnavailableError, match=r"does not answer: .*then try again"):
            call()


@pytest.mark.usefixtures("hasty")
def test_a_server_that_never_answers_is_waited_for_no_longer_than_set(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RegistryUnavailableError, match="does not answer"):
            MlflowRegistry(uri, "digits", tmp_path).resolve(CURRENT)


class _Answer(BaseHTTPRequestHandler):
    status = 404

    def do_GET(self) -> None:
        body = b"<h1>404 alias not found</h1>"
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, r"refuses: .*tracking_uri must be that of an MLflow server"),
        (200, r"does not answer: .*Check registry\.mlflow\.tracking_uri"),
        (401, r"refuses us .*Set MLFLOW_TRACKING_USERNAME"),
        (403, r"refuses us .*Set MLFLOW_TRACKING_USERNAME"),
        (503, r"does not answer: .*try again"),
    ],
)
def test_a_server_that_is_another_is_told_from_an_empty_registry(
    tmp_path: Path, status: int, message: str
) -> None:
    handler = type("Answer", (_Answer,), {"status": status})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        uri = f"http://127.0.0.1:{server.server_address[1]}"
        with pytest.raises(RegistryError, match=message) as caught:
            MlflowRegistry(uri, "digits", tmp_path).resolve(CURRENT)
        assert "\n" not in str(caught.value)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(RegistryError, match=r"pip install 'aead-monitor\[mlflow\]'"):
        MlflowRegistry("http://127.0.0.1:1", "digits", tmp_path)
