"""Encryption, and clients' certificates."""

from __future__ import annotations

import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.kafka.process import wait_until
from tests.monitor.web.certificates import Authority
from tests.monitor.web.site import HOST, Site, ask, serving, trusting, write_config

REQUIRED = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "authority.pem"}


def refused(port: int, context: ssl.SSLContext) -> bool:
    """Whether the server answers nothing to a client with these settings."""
    try:
        ask(port, tls=context)
    except OSError:  # ssl.SSLError, and RemoteDisconnected, which is a ConnectionResetError
        return True
    return False


def offering(authority: Authority, version: ssl.TLSVersion, *pair: Path) -> ssl.SSLContext:
    """A client that offers this version and no other."""
    context = trusting(authority.file, *pair)
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_modern_versions_are_spoken(
    secure: Path, authority: Authority, version: ssl.TLSVersion
) -> None:
    with serving(secure) as site:
        assert site.server.url.startswith("https://")
        assert ask(site.port, tls=offering(authority, version))[0] == 200


@pytest.mark.parametrize("version", ["tls1", "tls1_1"])
def test_old_versions_are_refused(secure: Path, authority: Authority, version: str) -> None:
    """OpenSSL's own client at security level 0: Python's warns of old versions."""
    with serving(secure) as site, capture_logs() as lines:
        command = ["openssl", "s_client", "-connect", f"{HOST}:{site.port}", f"-{version}"]
        command += ["-cipher", "ALL:@SECLEVEL=0"]
        said = subprocess.run(command, input="", capture_output=True, text=True, timeout=20)
        assert said.returncode != 0
        assert "Cipher is (NONE)" in said.stdout
        wait_until(lambda: bool(lines), 10, lambda: "the server has not noticed")
        assert "unsupported protocol" in lines[0]["error"]
        assert site.value("http_connections_cut_total", reason="handshake") == 1
        assert ask(site.port, tls=trusting(authority.file))[0] == 200


def test_plain_http_is_not_answered(secure: Path) -> None:
    with serving(secure) as site, socket.create_connection((HOST, site.port), timeout=5) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP" not in client.recv(100)


def test_limits_of_the_version_are_kept(
    tmp_path: Path, tls: dict[str, str], authority: Authority
) -> None:
    old, new = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    for name, spoken, silent in (("min_version", new, old), ("max_version", old, new)):
        limit = {"min_version": "TLS13", "max_version": "TLS12"}[name]
        config = write_config(tmp_path / "web.yml", tls_server_config={**tls, name: limit})
        with serving(config) as site:
            assert ask(site.port, tls=offering(authority, spoken))[0] == 200
            assert refused(site.port, offering(authority, silent))


def test_suites_of_tls_1_2_are_chosen_by_their_names_in_go(
    tmp_path: Path, tls: dict[str, str], authority: Authority
) -> None:
    suites = ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"]
    section = {**tls, "cipher_suites": suites, "curve_preferences": ["CurveP384"]}
    with serving(write_config(tmp_path / "web.yml", tls_server_config=section)) as site:
        context = offering(authority, ssl.TLSVersion.TLSv1_2)
        with socket.create_connection((HOST, site.port)) as client:
            spoken = context.wrap_socket(client, server_hostname=HOST)
            assert spoken.cipher()[0] == "ECDHE-ECDSA-CHACHA20-POLY1305"
            spoken.close()
        context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        assert refused(site.port, context)


class TestClientCertificates:
    @pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def version(self, request: pytest.FixtureRequest) -> ssl.TLSVersion:
        return request.param

    def test_only_those_that_the_authority_signed_may_ask(
        self, tmp_path: Path, tls: dict[str, str], authority: Authority, version: ssl.TLSVersion
    ) -> None:
        config = write_config(tmp_path / "web.yml", tls_server_config={**tls, **REQUIRED})
        pair = authority.sign("scraper")
        stranger = Authority(tmp_path, "stranger").sign("impostor")
        with serving(config) as site:
            assert ask(site.port, tls=offering(authority, version, *pair))[0] == 200
            assert refused(site.port, offering(authority, version))
            assert refused(site.port, offering(authority, version, *stranger))

    def test_if_given_means_that_a_wrong_one_is_refused_and_none_is_not(
        self, tmp_path: Path, tls: dict[str, str], authority: Authority, version: ssl.TLSVersion
    ) -> None:
        section = {**tls, **REQUIRED, "client_auth_type": "VerifyClientCertIfGiven"}
        stranger = Authority(tmp_path, "stranger").sign("impostor")
        with serving(write_config(tmp_path / "web.yml", tls_server_config=section)) as site:
            assert ask(site.port, tls=offering(authority, version))[0] == 200
            assert refused(site.port, offering(authority, version, *stranger))

    @pytest.mark.parametrize(
        "names",
        [
            {"dns": "prometheus.monitoring"},
            {"uri": "spiffe://example.com/prometheus"},
            {"email": "sre@example.com"},
            {"ip": "10.1.2.3"},
            {"ip": "fd00::1"},
        ],
        ids=str,
    )
    def test_only_allowed_names_may_ask(
        self, tmp_path: Path, tls: dict[str, str], authority: Authority,
        version: ssl.TLSVersion, names: dict[str, str],
    ) -> None:  # fmt: skip
        section = {**tls, **REQUIRED, "client_allowed_sans": list(names.values())}
        right = authority.sign("right", **names)
        wrong = authority.sign("wrong", dns="prometheus.monitoring.example.com")
        with serving(write_config(tmp_path / "web.yml", tls_server_config=section)) as site:
            assert ask(site.port, tls=offering(authority, version, *right))[0] == 200
            assert refused(site.port, offering(authority, version, *wrong))
            assert cut_for_its_name(site) == 1

    def test_the_authority_may_stand_in_the_file_itself(
        self, tmp_path: Path, tls: dict[str, str], authority: Authority, version: ssl.TLSVersion
    ) -> None:
        section = {
            **tls,
            "client_auth_type": "RequireAndVerifyClientCert",
            "client_ca": authority.file.read_text(),
        }
        pair = authority.sign("scraper")
        with serving(write_config(tmp_path / "web.yml", tls_server_config=section)) as site:
            assert ask(site.port, tls=offering(authority, version, *pair))[0] == 200
            assert refused(site.port, offering(authority, version))


def cut_for_its_name(site: Site) -> float | None:
    return site.value("http_connections_cut_total", reason="name")
