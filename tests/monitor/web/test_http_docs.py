"""The web configurations of docs/http.md are good ones, to us and to Prometheus' own tool."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from monitor.web.file import read
from tests.monitor.web.certificates import Authority
from tests.monitor.web.site import HASH

PAGE = (Path(__file__).parents[3] / "docs" / "http.md").read_text(encoding="utf-8")
FILES = [
    block
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    if re.match(r"tls_server_config|basic_auth_users|http_server_config", block)
]


def test_all_sections_are_shown() -> None:
    assert len(FILES) == 4


@pytest.mark.parametrize("text", FILES, ids=["tls", "mutual tls", "passwords", "headers"])
def test_an_example_is_valid(text: str, tmp_path: Path) -> None:
    Authority(tmp_path).sign("server")
    Authority(tmp_path, "clients")
    path = tmp_path / "web.yml"
    path.write_text(text.replace("$2y$10$...", HASH))
    assert read(path)
    # Debian's promtool is older than this key.
    path.write_text(re.sub(r"  client_allowed_sans: .*\n", "", path.read_text()))
    said = subprocess.run(["promtool", "check", "web-config", str(path)], capture_output=True)
    assert said.returncode == 0, said.stderr.decode()


def test_every_limit_that_is_stated_is_the_one_in_force() -> None:
    from monitor.web import connection, connections, passwords, reload

    seconds = {str(phase): limit for phase, limit in connection.LONGEST_SECONDS.items()}
    for words in (
        f"| {seconds['handshake']:g} s for the TLS handshake |",
        f"| {seconds['head']:g} s for the whole head of a request,"
        f" {connection.HEAD_BYTES // 1024} KiB |",
        f"| {seconds['answer']:g} s until the answer is taken |",
        f"| {seconds['idle']:g} s idle |",
        f"| {connections.MOST_CONNECTIONS} connections;",
        f"{passwords.WAITING} may wait, {passwords.WAITING_FROM_ONE} of one address",
        f"looked at every {reload.POLL_SECONDS:g} seconds",
    ):
        assert words in PAGE
