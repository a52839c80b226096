"""The web configuration file: what is refused, in words that help and hold no secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.errors import ConfigError
from monitor.web.file import read
from monitor.web.settings import TlsSection
from monitor.web.tls import SUITES
from tests.monitor.web.certificates import Authority
from tests.monitor.web.site import HASH

SECRET = "correct-horse-battery"


def said_of(path: Path, text: str) -> str:
    """What is said of a file with this text, which must be refused."""
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert SECRET not in message
    assert HASH not in message
    return message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "web.yml"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("{}", "is empty"),
        ("- a", "must hold sections"),
        ("1: 2", "must hold sections"),
        (f"basic_auth_users:\n  a: '{SECRET}\n", "not valid YAML in line"),
        (f"basic_auth_users: {{a: *{SECRET}}}", "not valid YAML in line 1"),
        (
            f"basic_auth_users:\n  a: {HASH}\n  a: {SECRET}\n",
            "line 3: the key is there twice, first in line 2.",
        ),
        ("tls_server_conf: {}", "tls_server_conf: unknown key. Did you mean 'tls_server_config'?"),
        ("basic_auth_users: {a: " + SECRET + "}", "basic_auth_users.a: is not a bcrypt hash"),
        ("basic_auth_users: {a: 7}", "basic_auth_users.a: must be text"),
        ("basic_auth_users: {7: x}", "must be text"),
        ("basic_auth_users: [a]", "basic_auth_users: must be a section of users"),
        (f"basic_auth_users: {{'a:b': '{HASH}'}}", "hold no colon"),
        (f"basic_auth_users: {{a: '{HASH.replace('$04$', '$31$')}'}}", "has cost 31"),
        ("http_server_config: {http2: maybe}", "http_server_config.http2: must be true or false"),
        ("http_server_config: {headers: {X-Own: a}}", "headers.X-Own: unknown key. Known keys: C"),
        ("http_server_config: {headers: {X-Frame-Options: no}}", "X-Frame-Options: must be"),
        (
            'http_server_config: {headers: {Content-Security-Policy: "a\\r\\nX: b"}}',
            "Content-Security-Policy: holds characters",
        ),
        ("tls_server_config: {key_file: k}", "tls_server_config.cert_file: is required"),
        ("tls_server_config: {cert_file: c, key_file: k}", "cert_file: cannot read"),
        ("rate_limit: {burst: 1}", "rate_limit: unknown key. Known keys: basic_auth_users"),
    ],
)  # fmt: skip
def test_mistakes_are_named(path: Path, text: str, words: str) -> None:
    assert words in said_of(path, text)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"min_version": "TLS11"}, "TLS11 is not safe and not supported; write TLS12 or TLS13"),
        ({"min_version": "TLS14"}, "min_version: must be 'TLS12' or 'TLS13'"),
        ({"min_version": "TLS13", "max_version": "TLS12"}, "must not be above max_version"),
        ({"cipher_suites": ["TLS_AES_128_GCM_SHA256"]}, "cannot be chosen"),
        ({"cipher_suites": ["RC4"]}, "cipher_suites.0: must be"),
        ({"curve_preferences": ["CurveP256", "X25519"]}, "takes one curve"),
        ({"curve_preferences": ["P-256"]}, "curve_preferences.0: must be"),
        ({"cert": SECRET}, "cert: Python's ssl reads it from a file; use cert_file"),
        ({"key": SECRET}, "key: Python's ssl reads it from a file; use key_file"),
        ({"client_auth_type": "RequireAnyClientCert"}, "write VerifyClientCertIfGiven"),
        ({"client_auth_type": "RequireAndVerifyClientCert"}, "needs client_ca_file"),
        ({"client_ca_file": "authority.pem"}, "does nothing with client_auth_type NoClientCert"),
        ({"client_allowed_sans": ["a"]}, "client_allowed_sans needs client_auth_type Require"),
        (
            {"client_auth_type": "VerifyClientCertIfGiven", "client_ca_file": "web.yml"},
            "client_ca_file: cannot be used",
        ),
        (
            {"client_auth_type": "VerifyClientCertIfGiven", "client_ca": "x"},
            "client_ca: cannot be used",
        ),
        ({"key_file": "other.key"}, "cannot be used: key values mismatch"),
        ({"key_file": "locked.key"}, "the key must have no password"),
        ({"cert_file": "server.key"}, "cannot be used"),
        ({"insecure_skip_verify": True}, "insecure_skip_verify: unknown key. Known keys: cert"),
    ],
)
def test_mistakes_of_tls_are_named(
    path: Path, tls: dict[str, str], authority: Authority, changes: dict[str, Any], words: str
) -> None:
    authority.sign("other")
    authority.sign("locked", password=SECRET)
    message = said_of(path, yaml.safe_dump({"tls_server_config": {**tls, **changes}}))
    assert words in message


def test_all_mistakes_are_told_at_once(path: Path) -> None:
    text = "tls_server_config: {cert_file: c, key_file: k, a: 1}\nhttp_server_config: {b: 1}\n"
    assert said_of(path, text).count("\n") == 1


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No such file or directory\. Name a web configuration"):
        read(tmp_path / "missing.yml")
    binary = tmp_path / "binary.yml"
    binary.write_bytes(b"\xff\xfe" + SECRET.encode())
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        read(binary)


def test_http2_may_be_named_either_way(path: Path) -> None:
    for value in ("true", "false"):
        path.write_text(f"http_server_config: {{http2: {value}}}")
        assert read(path).security.tls is None


def test_every_suite_that_may_be_named_is_known_to_openssl(path: Path, tls: dict[str, str]) -> None:
    for suite in SUITES:
        path.write_text(yaml.safe_dump({"tls_server_config": {**tls, "cipher_suites": [suite]}}))
        context = read(path).security.tls
        assert context is not None
        assert SUITES[suite] in {cipher["name"] for cipher in context.get_ciphers()}


def test_no_section_shows_its_values() -> None:
    section = TlsSection(cert_file=SECRET, key_file=SECRET)
    assert SECRET not in repr(section) + str(section)
