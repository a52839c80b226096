"""A real daemon with a secret in every place for one, and who may see what of it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import pytest

from monitor.cli import main
from tests.kafka.process import ProductProcess, free_ports, wait_until
from tests.models import bundles
from tests.monitor.web.certificates import Authority
from tests.monitor.web.site import ask, login, trusting, write_config

FILES = ("kafka", "bearer", "header", "hmac", "airflow", "github")
PASSWORD = "SECRET-of-the-web"
START_SECONDS = 120
CONFIG = """\
model: ./model
kafka:
  topic: images
  bootstrap_servers: 127.0.0.1:1
  security_protocol: SASL_SSL
  tls: {{ca_file: authority.pem}}
  sasl: {{mechanism: SCRAM-SHA-512, username: monitor, password_file: kafka}}
codec: {{name: raw}}
http: {{port: {port}, web_config_file: web.yml, health_port: {health}, reload: true}}
log: {{level: debug, format: json}}
retraining:
  receivers:
    - name: events
      kind: http
      url: https://127.0.0.1:1/a
      token_file: bearer
      header_files: {{X-Key: header}}
    - {{name: hook, kind: webhook, url: "https://127.0.0.1:1/b", secret_file: hmac}}
    - {{name: dag, kind: airflow, url: "https://127.0.0.1:1", dag: train, token_file: airflow}}
    - {{name: gh, kind: github, repository: example/models, token_file: github}}
"""


@dataclass(frozen=True)
class Guarded:
    """A running daemon. secrets: what nobody may see."""

    folder: Path
    port: int
    health: int
    tls: ssl.SSLContext
    secrets: tuple[str, ...]

    @property
    def config(self) -> str:
        return str(self.folder / "aead-monitor.yaml")

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def assert_no_secret_in(self, text: str) -> None:
        assert [secret for secret in self.secrets if secret in text] == []


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """It wants a client certificate and a password of those who ask; Kafka is not there."""
    folder = tmp_path_factory.mktemp("guarded")
    bundles.write(folder / "model")
    for name in FILES:
        (folder / name).write_text(f"SECRET-of-{name}\n")
    authority = Authority(folder)
    _, key = authority.sign("server")
    section = {
        "cert_file": "server.pem",
        "key_file": "server.key",
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": "authority.pem",
    }
    text = hashed(PASSWORD)
    write_config(
        folder / "web.yml", tls_server_config=section, basic_auth_users={"prometheus": text}
    )
    port, health = free_ports(2)
    (folder / "aead-monitor.yaml").write_text(CONFIG.format(port=port, health=health))
    secrets = (*(f"SECRET-of-{name}" for name in FILES), PASSWORD, text, *key_lines(key))
    tls = trusting(authority.file, *authority.sign("scraper"))
    guarded = Guarded(folder, port, health, tls, secrets)
    process = ProductProcess(["run", "--config", guarded.config], folder / "log")
    process.start()
    process.wait_until_ready(lambda: answers(health), START_SECONDS)
    yield guarded
    process.stop()


def key_lines(key: Path) -> list[str]:
    return [line for line in key.read_text().splitlines() if not line.startswith("-----")]


def answers(port: int) -> bool:
    try:
        return ask(port, "/-/healthy")[0] == 200
    except OSError:
        return False


@pytest.mark.parametrize(
    "path",
    ["/", "/metrics", "/api/status", "/api/episodes", "/api/evidence", "/pictures/x.png",
     "/-/healthy", "/-/ready",
     "/none"],
)  # fmt: skip
def test_no_page_shows_a_secret(daemon: Guarded, path: str) -> None:
    for password in (PASSWORD, "wrong"):
        _, body, headers = ask(daemon.port, path, daemon.tls, headers=login("prometheus", password))
        daemon.assert_no_secret_in(body.decode() + str(headers))


def test_what_the_command_line_says_of_the_configuration_holds_none(
    daemon: Guarded, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-config", daemon.config, "--print"]) == 0
    said = capsys.readouterr()
    assert "web.yml" in said.out
    daemon.assert_no_secret_in(said.out + said.err)


def test_the_log_holds_none_even_where_secrets_stand_in_wrong_places(daemon: Guarded) -> None:
    path = daemon.folder / "web.yml"
    good = path.read_text()
    headers = login("prometheus", PASSWORD)
    for wrong in (
        f"basic_auth_users: {{prometheus: {PASSWORD}}}\n",
        f"basic_auth_users: {{prometheus: '{PASSWORD}\n",
        good.replace("server.key", "bearer"),
    ):
        path.write_text(wrong)
        wait_until(lambda: reloaded(daemon) == "0", 20, lambda: "not noticed")
        path.write_text(good)
        wait_until(lambda: reloaded(daemon) == "1", 20, lambda: "not noticed")
    assert daemon.log.count("the web configuration cannot be used") == 3
    assert ask(daemon.port, "/-/reload", daemon.tls, headers, "POST")[0] == 202
    daemon.assert_no_secret_in(daemon.log)


def reloaded(daemon: Guarded) -> str:
    _, text, _ = ask(daemon.port, "/metrics", daemon.tls, login("prometheus", PASSWORD))
    name = b"\naead_monitor_web_config_last_reload_successful "
    return text.split(name)[1].split(b"\n")[0].decode().removesuffix(".0")


class TestHealth:
    """For probes that have neither password nor certificate."""

    def test_its_port_answers_health_and_nothing_else(self, daemon: Guarded) -> None:
        assert ask(daemon.health, "/-/healthy")[0] == 200
        assert ask(daemon.health, "/-/ready")[0] == 503
        for path in ("/", "/metrics", "/api/status", "/api/episodes", "/api/evidence", "/-/reload"):
            assert ask(daemon.health, path)[0] == 404

    def test_the_command_asks_there(
        self, daemon: Guarded, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["check-health", "--config", daemon.config]) == 0
        assert capsys.readouterr().out == "healthy\n"
        assert main(["check-health", "--config", daemon.config, "--ready"]) == 1
        assert "answers 503: not ready: " in capsys.readouterr().err

    def test_without_it_the_command_says_what_to_do(
        self, daemon: Guarded, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = daemon.folder / "other.yaml"
        other.write_text(
            Path(daemon.config).read_text().replace(f"health_port: {daemon.health}, ", "")
        )
        assert main(["check-health", "--config", str(other)]) == 1
        assert "Set http.health_port" in capsys.readouterr().err

    def test_a_daemon_that_does_not_run_is_not_healthy(
        self, daemon: Guarded, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (free,) = free_ports(1)
        other = daemon.folder / "away.yaml"
        text = Path(daemon.config).read_text()
        other.write_text(text.replace(f"health_port: {daemon.health}", f"health_port: {free}"))
        assert main(["check-health", "--config", str(other)]) == 1
        assert f"no answer from 127.0.0.1:{free}" in capsys.readouterr().err
