"""A file that changes counts without a restart; one that is wrong changes nothing."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from structlog.testing import capture_logs

from monitor.errors import ConfigError
from monitor.metrics import Metrics
from monitor.web.reload import ConfigWatcher
from tests.kafka.process import wait_until
from tests.monitor.web.certificates import Authority
from tests.monitor.web.site import HASH, PASSWORD, Site, ask, login, serving, trusting, write_config

METRIC = "web_config_last_reload_successful"


def eventually(condition: Callable[[], bool]) -> None:
    wait_until(condition, 10, lambda: "it does not happen")


def status(site: Site, context: ssl.SSLContext | None = None, password: str = "") -> int:
    headers = login("prometheus", password) if password else {}
    return ask(site.port, "/-/healthy", tls=context, headers=headers)[0]


def users(path: Path, password: str) -> None:
    """Write a file, whole or not at all, in which the user has this password."""
    text = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    write_config(path.with_suffix(".new"), basic_auth_users={"prometheus": text})
    os.replace(path.with_suffix(".new"), path)  # noqa: PTH105


def test_a_new_password_counts_and_the_old_one_no_more(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    users(path, "first")
    with serving(path) as site:
        assert status(site, password="first") == 200
        users(path, "second")
        eventually(lambda: status(site, password="second") == 200)
        assert status(site, password="first") == 401


def test_a_renewed_certificate_counts_for_new_connections(
    secure: Path, authority: Authority, tmp_path: Path
) -> None:
    with serving(secure) as site:
        assert status(site, trusting(authority.file)) == 200
        other = Authority(tmp_path, "other")
        other.sign("server")
        eventually(lambda: accepted(site, other))
        assert not accepted(site, authority)
        assert site.value(METRIC) == 1


def accepted(site: Site, authority: Authority) -> bool:
    try:
        return status(site, trusting(authority.file)) == 200
    except ssl.SSLError:
        return False


def test_a_new_authority_of_clients_counts(
    tmp_path: Path, tls: dict[str, str], authority: Authority
) -> None:
    clients = Authority(tmp_path, "clients")
    section = {
        **tls,
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": clients.file.name,
    }
    with serving(write_config(tmp_path / "web.yml", tls_server_config=section)) as site:
        old = trusting(authority.file, *clients.sign("scraper"))
        assert status(site, old) == 200
        new = trusting(authority.file, *Authority(tmp_path, "clients").sign("scraper"))
        eventually(lambda: not fails(site, new))
        assert fails(site, old)


def fails(site: Site, context: ssl.SSLContext) -> bool:
    try:
        return status(site, context) != 200
    except (OSError, EOFError):
        return True


class TestBadFile:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        users(tmp_path / "web.yml", PASSWORD)
        return tmp_path / "web.yml"

    def test_it_keeps_the_settings_before_it_and_the_next_good_one_counts(self, path: Path) -> None:
        with serving(path) as site:
            for bad in ("", "nonsense: 1\n", "basic_auth_users: {prometheus: x}\n"):
                path.write_text(bad)
                eventually(lambda: site.value(METRIC) == 0)
                assert status(site, password=PASSWORD) == 200
                assert status(site) == 401
            path.unlink()
            assert status(site, password=PASSWORD) == 200
            users(path, "next")
            eventually(lambda: site.value(METRIC) == 1)
            assert status(site, password="next") == 200

    def test_it_is_told_once(self, path: Path, metrics: Metrics) -> None:
        watcher = ConfigWatcher(path, metrics.web)
        path.write_text("nonsense: 1\n")
        with capture_logs() as lines:
            for _ in range(3):
                watcher.check()
        (line,) = lines
        assert line["log_level"] == "error"
        assert "the settings before it stay in force" in line["event"]
        assert "nonsense: unknown key" in line["error"]

    def test_the_same_file_again_is_a_good_one(self, path: Path, metrics: Metrics) -> None:
        watcher, text = ConfigWatcher(path, metrics.web), path.read_text()
        before = watcher.security
        path.write_text("nonsense: 1\n")
        watcher.check()
        assert watcher.security is before
        path.write_text(text)
        with capture_logs() as lines:
            watcher.check()
            watcher.check()
        assert [line["event"] for line in lines] == ["the web configuration was read again"]

    def test_a_certificate_whose_key_is_not_there_yet_is_waited_for(
        self, secure: Path, authority: Authority, metrics: Metrics, tmp_path: Path
    ) -> None:
        watcher = ConfigWatcher(secure, metrics.web)
        before = watcher.security
        key = (tmp_path / "server.key").read_bytes()
        authority.sign("server")
        new_key = (tmp_path / "server.key").read_bytes()
        (tmp_path / "server.key").write_bytes(key)
        watcher.check()
        assert watcher.security is before
        (tmp_path / "server.key").write_bytes(new_key)
        watcher.check()
        assert watcher.security is not before

    def test_encryption_does_not_come_or_go_with_it(
        self, secure: Path, metrics: Metrics, tls: dict[str, str]
    ) -> None:
        watcher = ConfigWatcher(secure, metrics.web)
        write_config(secure, basic_auth_users={"prometheus": HASH})
        with capture_logs() as lines:
            watcher.check()
        assert watcher.security.tls is not None
        assert "restart to make that count" in lines[0]["error"]


WITHOUT = {
    "basic_auth_users has gone": ({"users": {"prometheus": HASH}}, {}),
    "client_auth_type asks less": (
        {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "authority"},
        {"client_auth_type": "VerifyClientCertIfGiven", "client_ca_file": "authority"},
    ),
    "client_allowed_sans has gone": (
        {
            "client_auth_type": "RequireAndVerifyClientCert",
            "client_ca_file": "authority",
            "client_allowed_sans": ["scraper"],
        },
        {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "authority"},
    ),
}


@pytest.mark.parametrize("reason", WITHOUT)
def test_a_file_that_is_read_again_never_opens_the_door(
    reason: str, tmp_path: Path, tls: dict[str, str], authority: Authority, metrics: Metrics
) -> None:
    def write(settings: Mapping[str, Any]) -> Path:
        own = {key: value for key, value in settings.items() if key != "users"}
        if "client_ca_file" in own:
            own["client_ca_file"] = authority.file.name
        users = {"basic_auth_users": settings["users"]} if "users" in settings else {}
        return write_config(tmp_path / "web.yml", tls_server_config={**tls, **own}, **users)

    guarded, open_to_all = WITHOUT[reason]
    watcher = ConfigWatcher(write(guarded), metrics.web)
    before = watcher.security
    write(open_to_all)
    with capture_logs() as lines:
        watcher.check()
    assert watcher.security is before
    (line,) = lines
    assert reason in line["error"]
    assert "restart to make that count" in line["error"]
    # Whoever restarts means it.
    assert ConfigWatcher(tmp_path / "web.yml", metrics.web).security is not before


def test_users_that_go_from_a_running_server_without_tls_are_still_asked_for(
    tmp_path: Path,
) -> None:
    path = tmp_path / "web.yml"
    users(path, PASSWORD)
    with serving(path) as site:
        path.write_text("http_server_config: {http2: true}\n")
        eventually(lambda: site.value(METRIC) == 0)
        assert status(site) == 401
        assert status(site, password=PASSWORD) == 200


def test_nothing_is_read_again_while_nothing_changes(secure: Path, metrics: Metrics) -> None:
    watcher = ConfigWatcher(secure, metrics.web)
    before = watcher.security
    watcher.check()
    assert watcher.security is before


def test_a_first_bad_file_is_a_mistake_of_the_users(tmp_path: Path, metrics: Metrics) -> None:
    with pytest.raises(ConfigError, match="unknown key"):
        ConfigWatcher(write_config(tmp_path / "web.yml", nonsense=1), metrics.web)


def test_without_a_file_the_settings_count_as_good(metrics: Metrics) -> None:
    ConfigWatcher(None, metrics.web).check()
    assert metrics.registry.get_sample_value(f"aead_monitor_{METRIC}") == 1
