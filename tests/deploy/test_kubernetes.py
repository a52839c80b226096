"""The manifests: rendered by kustomize, checked against the schemas of Kubernetes and of the two
operators, and held to what they promise. No cluster runs here.
"""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from monitor.version import __version__
from monitor.web.app import build_health
from tests.deploy.dockerfile import ancestry, read
from tests.deploy.manifests import (
    FOLDER,
    OF_OPERATORS,
    OVERLAYS,
    Manifest,
    container,
    loaded,
    only,
    pod,
    rendered,
    selectors,
)
from tests.deploy.shutdown import longest_seconds

VERSIONS = ("1.29", "1.32", "1.37")
"""The oldest Kubernetes that the manifests are for, one between, the newest."""


@pytest.fixture(scope="module")
def base() -> list[Manifest]:
    return rendered(FOLDER / "base")


@pytest.fixture(scope="module")
def overlays() -> dict[str, list[Manifest]]:
    return {name: rendered(FOLDER / "overlays" / name) for name in OVERLAYS}


@pytest.fixture(scope="module")
def desk() -> Manifest:
    """The pod that models are added from."""
    manifest: Manifest = yaml.safe_load((FOLDER / "model-desk.yaml").read_text("utf-8"))
    return manifest


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field(
    base: list[Manifest], overlays: dict[str, list[Manifest]], desk: Manifest, version: str
) -> None:
    for manifest in [desk, *base, *(m for manifests in overlays.values() for m in manifests)]:
        if manifest["kind"] not in OF_OPERATORS:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_the_base_asks_for_no_operator(base: list[Manifest]) -> None:
    assert not {manifest["kind"] for manifest in base} & OF_OPERATORS


def test_pods_keep_to_the_restricted_standard(base: list[Manifest], desk: Manifest) -> None:
    for spec in (pod(base), desk["spec"]):
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] == security["runAsGroup"] == security["fsGroup"] == 10001
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & spec.keys()
        for each in spec["containers"]:
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert each["resources"]["limits"].keys() == {"cpu", "memory"}
            mounts = {mount["mountPath"] for mount in each["volumeMounts"]}
            assert "/tmp" in mounts
        kinds = {kind for volume in spec["volumes"] for kind in volume} - {"name"}
        assert kinds <= {"configMap", "emptyDir", "persistentVolumeClaim"}


def test_the_user_is_that_of_the_image(base: list[Manifest]) -> None:
    stages = read()
    user = next(u for stage in ancestry(stages, "cpu") if (u := stage.last("USER")))
    security = pod(base)["securityContext"]
    assert user.value == f"{security['runAsUser']}:{security['runAsGroup']}"


def test_probes_ask_for_pages_that_we_serve(
    base: list[Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    http = loaded(base, tmp_path, monkeypatch).http
    ports = {port["name"]: port["containerPort"] for port in container(base)["ports"]}
    assert ports == {"http": http.port, "health": http.health_port}
    assert http.health_host == "0.0.0.0"
    pages = {str(getattr(route, "path", "")) for route in build_health(dict, float).routes}
    probes = {
        name: container(base)[name] for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    paths = {name: probe["httpGet"]["path"] for name, probe in probes.items()}
    assert paths == {
        "startupProbe": "/-/healthy", "livenessProbe": "/-/healthy", "readinessProbe": "/-/ready",
    }  # fmt: skip
    assert set(paths.values()) <= pages
    assert all(probe["httpGet"]["port"] == "health" for probe in probes.values())


def test_the_configuration_fits_the_pod(
    base: list[Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = loaded(base, tmp_path, monkeypatch)
    mounts = {mount["mountPath"]: mount for mount in container(base)["volumeMounts"]}
    assert config.registry is not None
    assert mounts[str(config.registry.path)]["readOnly"]
    assert "readOnly" not in mounts[str(config.state.directory)]
    assert config.http.port == container(base)["ports"][0]["containerPort"]
    assert config.http.host == "0.0.0.0"
    assert int(container(base)["resources"]["limits"]["cpu"]) == config.threads
    assert container(base)["args"] == ["run", "--config", "/etc/aead-monitor/aead-monitor.yaml"]


def test_members_keep_their_names_over_restarts(
    base: list[Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loaded(base, tmp_path, monkeypatch).kafka.instance == "aead-monitor-0"


def test_pods_are_given_the_time_to_stop(
    base: list[Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = loaded(base, tmp_path, monkeypatch)
    assert pod(base)["terminationGracePeriodSeconds"] > longest_seconds(config.shutdown_seconds)


def test_replicas_share_one_budget_of_false_alarms(
    base: list[Manifest],
    overlays: dict[str, list[Manifest]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (
        loaded(base, tmp_path, monkeypatch).drift.streams
        == (only(base, "StatefulSet")["spec"]["replicas"])
    )
    scaled = loaded(overlays["keda"], tmp_path, monkeypatch)
    assert scaled.drift.streams == only(overlays["keda"], "ScaledObject")["spec"]["maxReplicaCount"]


def test_a_change_of_the_configuration_restarts_the_pods(base: list[Manifest]) -> None:
    name = only(base, "ConfigMap")["metadata"]["name"]
    assert name.startswith("aead-monitor-")
    volumes = {volume["name"]: volume for volume in pod(base)["volumes"]}
    assert volumes["config"]["configMap"]["name"] == name


def test_whatever_selects_pods_selects_ours(base: list[Manifest]) -> None:
    labels = only(base, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    for selector in selectors(base):
        assert selector
        assert selector.items() <= labels.items()
    assert (
        only(base, "StatefulSet")["spec"]["serviceName"]
        == (only(base, "Service")["metadata"]["name"])
    )


def test_the_network_is_open_for_what_is_needed(
    base: list[Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = only(base, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (way_in,) = policy["ingress"]
    assert [port["port"] for port in way_in["ports"]] == [container(base)["ports"][0]["name"]]
    ports_out = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    config = loaded(base, tmp_path, monkeypatch)
    brokers = {int(server.rsplit(":")[-1]) for server in config.kafka.bootstrap_servers.split(",")}
    assert brokers <= ports_out


def test_images_have_our_version(base: list[Manifest], desk: Manifest) -> None:
    assert container(base)["image"] == f"aead-monitor:{__version__}"
    assert desk["spec"]["containers"][0]["image"] == f"aead-monitor:{__version__}"
    labels = only(base, "StatefulSet")["metadata"]["labels"]
    assert labels["app.kubernetes.io/version"] == __version__


def test_models_are_written_at_the_desk_and_read_by_the_daemon(
    base: list[Manifest], desk: Manifest
) -> None:
    claim = only(base, "PersistentVolumeClaim")["metadata"]["name"]
    for spec, read_only in ((pod(base), True), (desk["spec"], False)):
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        models = volumes["models"]["persistentVolumeClaim"]
        assert models["claimName"] == claim
        assert models.get("readOnly", False) is read_only
