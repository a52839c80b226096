"""docker-compose.yml: read by the real `docker-compose config`, and held to what it promises.

No container engine runs here; the daemon's configuration is loaded by the daemon's own loader, the
broker's by a real broker.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from monitor.cli import parser
from monitor.config import Config
from monitor.config.file import load
from monitor.version import __version__
from tests.deploy import tools
from tests.deploy.dockerfile import ROOT, read
from tests.deploy.shutdown import longest_seconds
from tests.kafka.broker import Broker, Place
from tests.kafka.process import free_ports

COMPOSE = ROOT / "deploy" / "compose"
ONCE = {"topics", "train"}
"""Services that do something and end."""
SERVES_NOTHING = {"producer"}
DAEMONS = ("daemon", "daemon-gpu")


def resolved(profile: str) -> dict[str, Any]:
    """The stack of a profile as docker-compose understands it."""
    text = tools.run("docker-compose", "--profile", profile, "config", "--format", "json", cwd=ROOT)
    stack: dict[str, Any] = json.loads(text)
    return stack


@pytest.fixture(scope="module")
def stacks() -> dict[str, dict[str, Any]]:
    """The stack by profile."""
    return {profile: resolved(profile) for profile in ("cpu", "gpu")}


@pytest.fixture(scope="module")
def services(stacks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """All services of both profiles."""
    return stacks["cpu"]["services"] | stacks["gpu"]["services"]


@pytest.fixture(scope="module")
def config() -> Config:
    return load(str(COMPOSE / "aead-monitor.yaml"))


def test_without_a_profile_the_cpu_scores(stacks: dict[str, dict[str, Any]]) -> None:
    names = tools.run("docker-compose", "config", "--services", cwd=ROOT).split()
    assert set(names) == set(stacks["cpu"]["services"])
    assert "daemon" in names


def test_one_daemon_runs_in_each_profile(stacks: dict[str, dict[str, Any]]) -> None:
    # Two would fight for the state's folder.
    running = {profile: [name for name in DAEMONS if name in stack["services"]]
               for profile, stack in stacks.items()}  # fmt: skip
    assert running == {"cpu": ["daemon"], "gpu": ["daemon-gpu"]}


def test_every_image_has_an_exact_version(services: dict[str, Any]) -> None:
    for name, service in services.items():
        image, _, tag = service["image"].partition(":")
        if image == "aead-monitor":
            assert tag.startswith(f"{__version__}-"), name
        else:
            assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag), name


def test_what_is_built_names_a_target_of_the_dockerfile(services: dict[str, Any]) -> None:
    built = {service["build"]["target"] for service in services.values() if "build" in service}
    assert built == {"demo", "cuda"}
    assert built <= read().keys()


def test_every_service_is_locked_down(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        user, group = service["user"].split(":")
        assert int(user) > 0, name
        assert int(group) >= 0, name


def test_every_service_has_limits(services: dict[str, Any]) -> None:
    for name, service in services.items():
        limits = service["deploy"]["resources"]["limits"]
        assert limits["cpus"] > 0, name
        assert int(limits["memory"]) > 0, name
        assert limits["pids"] > 0, name
        assert service["logging"]["options"]["max-size"], name


def test_ports_are_open_to_this_machine_alone(services: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(ports) == {*DAEMONS, "alertmanager", "prometheus", "grafana"}
    for published in ports.values():
        assert all(port["host_ip"] == "127.0.0.1" for port in published)


def test_whatever_serves_is_checked_for_health(services: dict[str, Any]) -> None:
    for name, service in services.items():
        check = service.get("healthcheck", {})
        if name in ONCE | SERVES_NOTHING:
            assert check["disable"], name
        elif name in DAEMONS:
            assert not check, name  # the image's own, see test_dockerfile.py
        else:
            assert check["test"][0] == "CMD", name
            assert check["start_interval"], name


def test_what_is_needed_first_is_waited_for(services: dict[str, Any]) -> None:
    waits = {
        (name, other): wait["condition"]
        for name, service in services.items()
        for other, wait in service.get("depends_on", {}).items()
    }
    daemon = {
        "kafka": "service_healthy",
        "topics": "service_completed_successfully",
        "train": "service_completed_successfully",
    }
    assert waits == {
        **{(name, other): condition for name in DAEMONS for other, condition in daemon.items()},
        ("topics", "kafka"): "service_healthy",
        ("producer", "kafka"): "service_healthy",
        ("producer", "topics"): "service_completed_successfully",
        ("prometheus", "alertmanager"): "service_healthy",
        ("grafana", "prometheus"): "service_healthy",
    }


def test_what_runs_on_is_started_again(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["restart"] == ("no" if name in ONCE else "unless-stopped"), name


def test_what_is_mounted_from_here_is_read_only_and_there(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for volume in service.get("volumes", []):
            if volume["type"] == "bind":
                assert volume["read_only"], name
                assert Path(volume["source"]).exists(), f"{name} mounts {volume['source']}"


def test_secrets_are_files_and_no_values(stacks: dict[str, dict[str, Any]]) -> None:
    for service in stacks["cpu"]["services"].values():
        for key in service.get("environment", {}):
            assert key.endswith("__FILE") or not re.search("PASSWORD|TOKEN|SECRET", key)
    assert all(set(secret) == {"name", "file"} for secret in stacks["cpu"]["secrets"].values())


def test_secrets_are_made_once_and_differ(
    stacks: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    script = Path(shutil.copy(COMPOSE / "secrets", tmp_path))
    subprocess.run([script], check=True)
    made = {path: path.read_text() for path in (tmp_path / "secrets.d").iterdir()}
    asked = {Path(secret["file"]).name for secret in stacks["cpu"]["secrets"].values()}
    assert {path.name for path in made} == asked
    assert len(set(made.values())) == len(made)
    assert all(re.fullmatch("[0-9a-f]{48}", value) for value in made.values())
    subprocess.run([script], check=True)
    assert {path: path.read_text() for path in made} == made


def test_git_never_sees_the_secrets() -> None:
    ignored = "deploy/compose/secrets.d/grafana-password"
    assert subprocess.run(["git", "check-ignore", "-q", ignored], cwd=ROOT).returncode == 0


def test_the_daemon_finds_what_its_configuration_names(
    services: dict[str, Any], config: Config
) -> None:
    for name in DAEMONS:
        mounts = {mount["target"]: mount for mount in services[name]["volumes"]}
        assert config.registry is not None
        assert mounts[str(config.registry.path)]["read_only"], name
        assert not mounts[str(config.state.directory)].get("read_only"), name
        assert services[name]["ports"][0]["target"] == config.http.port
        assert config.http.host == "0.0.0.0"
        assert services[name]["command"][-1] in mounts


def test_the_daemon_uses_the_cores_that_it_is_given(
    services: dict[str, Any], config: Config
) -> None:
    for name in DAEMONS:
        assert services[name]["deploy"]["resources"]["limits"]["cpus"] == config.threads


def test_the_daemon_is_given_the_time_to_stop(services: dict[str, Any], config: Config) -> None:
    for name in DAEMONS:
        minutes, seconds = services[name]["stop_grace_period"].removesuffix("s").split("m")
        assert 60 * int(minutes) + int(seconds) > longest_seconds(config.shutdown_seconds)


def test_the_page_says_how_long_stopping_takes() -> None:
    page = (ROOT / "docs" / "deploying.md").read_text("utf-8")
    assert f"takes up to `shutdown_seconds` and {longest_seconds(0):.0f} more" in page


def test_all_speak_of_the_same_topic(services: dict[str, Any], config: Config) -> None:
    assert f"--topic={config.kafka.topic}" in services["topics"]["command"]
    assert f"--topic={config.kafka.topic}" in services["producer"]["command"]
    assert (
        f"--bootstrap-servers={config.kafka.bootstrap_servers}" in services["producer"]["command"]
    )


def test_every_command_of_ours_is_understood(services: dict[str, Any]) -> None:
    (script,) = services["train"]["command"]
    lines = re.findall(r"^aead-monitor (.*)$", script.replace("\\\n", ""), flags=re.MULTILINE)
    assert len(lines) == 3
    for line in lines:
        words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)]
        assert parser().parse_args(words)
    for name in (*DAEMONS, "producer"):
        assert parser().parse_args(services[name]["command"])


def test_a_broker_starts_with_the_properties_of_the_stack(
    services: dict[str, Any], tmp_path: Path
) -> None:
    (script,) = services["kafka"]["command"]
    (cluster,) = re.findall(r"--cluster-id (\S+)", script)
    port, controller = free_ports(2)
    text = (COMPOSE / "kafka" / "server.properties").read_text("utf-8")
    # What a test cannot have: these ports, the name `kafka`, all addresses, this folder.
    for old, new in {
        "//kafka:9092": f"//127.0.0.1:{port}",
        "//:9092": f"//127.0.0.1:{port}",
        "localhost:9093": f"127.0.0.1:{controller}",
        "/var/lib/kafka/data": str(tmp_path / "data"),
    }.items():
        assert old in text
        text = text.replace(old, new)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    settings = dict(line.split("=", 1) for line in lines)
    broker = Broker(tmp_path, settings=settings, place=Place(cluster, 1, port, {1: controller}))
    broker.start()
    try:
        assert broker.running
    finally:
        broker.stop()
