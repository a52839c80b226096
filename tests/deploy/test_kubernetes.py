"""The manifests: rendered by kustomize, checked against the schemas of Kubernetes and of the two
operators, and held to what they promise. No cluster runs here.
"""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from monitor.config import Config
from monitor.config.file import load
from monitor.version import __version__
from monitor.web.app import build_health
from tests.deploy.dockerfile import ancestry, read
from tests.deploy.manifests import (
    FOLDER,
    OVERLAYS,
    Manifest,
    container,
    environment,
    only,
    plain,
    pod,
    rendered,
)
from tests.deploy.shutdown import longest_seconds

VERSIONS = ("1.29", "1.32", "1.37")
"""The oldest Kubernetes that the manifests are for, one between, the newest."""
OF_OPERATORS = {"ServiceMonitor", "PrometheusRule", "ScaledObject"}


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


def loaded(manifests: list[Manifest], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The configuration as the daemon in the first pod would load it."""
    path = folder / "aead-monitor.yaml"
    path.write_text(only(manifests, "ConfigMap")["data"]["aead-monitor.yaml"])
    for key, value in environment(manifests).items():
        monkeypatch.setenv(key, value)
    return load(str(path))


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field(
    base: list[Manifest], overlays: dict[str, list[Manifest]], desk: Manifest, version: str
) -> None:
    for manifest in [desk, *base, *(m for manifests in overlays.values() for m in manifests)]:
        if manifest["kind"] not in OF_OPERATORS:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_the_base_asks_for_no_operator(base: list[Manifest]) -> None:
    assert not {manifest["kind"] for manifest in base} & OF_OPERATORS


def test_the_operators_know_every_field(overlays: dict[str, list[Manifest]]) -> None:
    from cloudcoil.models.keda.v1alpha1 import ScaledObject
    from cloudcoil.models.prometheus_operator.v1 import PrometheusRule, ServiceMonitor

    models: dict[str, Any] = {
        "ScaledObject": ScaledObject,
        "ServiceMonitor": ServiceMonitor,
        "PrometheusRule": PrometheusRule,
    }
    seen = set()
    for manifest in (m for manifests in overlays.values() for m in manifests):
        if model := models.get(manifest["kind"]):
            seen.add(manifest["kind"])
            read_back = model.model_validate(manifest).model_dump(
                mode="json", by_alias=True, exclude_unset=True
            )
            # The models leave out what they do not know.
            assert read_back == plain(manifest)
    assert seen == OF_OPERATORS


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


def selectors(manifests: list[Manifest]) -> list[dict[str, str]]:
    """What each manifest looks for in the labels of pods."""
    return [
        only(manifests, "StatefulSet")["spec"]["selector"]["matchLabels"],
        only(manifests, "Service")["spec"]["selector"],
        only(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        only(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        pod(manifests)["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ]


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


def test_prometheus_finds_the_pods_under_the_job_that_rules_expect(
    overlays: dict[str, list[Manifest]],
) -> None:
    manifests = overlays["monitoring"]
    service, monitor = only(manifests, "Service"), only(manifests, "ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["endpoints"]
    assert [port["name"] for port in service["spec"]["ports"]] == [endpoint["port"]]
    # Without a jobLabel the operator names the job after the Service.
    assert "jobLabel" not in monitor
    assert service["metadata"]["name"].startswith("aead-monitor")
    assert set(monitor["targetLabels"]) <= service["metadata"]["labels"].keys()
    assert service["spec"]["publishNotReadyAddresses"]


def test_keda_scales_what_is_there_by_the_lag_of_our_group(
    overlays: dict[str, list[Manifest]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests = overlays["keda"]
    spec = only(manifests, "ScaledObject")["spec"]
    target = only(manifests, "StatefulSet")
    assert spec["scaleTargetRef"]["kind"] == target["kind"]
    assert spec["scaleTargetRef"]["name"] == target["metadata"]["name"]
    assert "replicas" not in target["spec"]
    (trigger,) = spec["triggers"]
    kafka = loaded(manifests, tmp_path, monkeypatch).kafka
    assert trigger["metadata"]["bootstrapServers"] == kafka.bootstrap_servers
    assert trigger["metadata"]["consumerGroup"] == kafka.group
    assert trigger["metadata"]["topic"] == kafka.topic
    assert trigger["metadata"]["allowIdleConsumers"] == "false"


def test_a_pod_with_a_gpu_fails_rather_than_be_slow(
    overlays: dict[str, list[Manifest]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests = overlays["gpu"]
    assert container(manifests)["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert container(manifests)["image"] == f"aead-monitor:{__version__}-cuda"
    assert loaded(manifests, tmp_path, monkeypatch).device == "cuda"


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


def test_another_stream_in_the_namespace_keeps_to_itself(
    overlays: dict[str, list[Manifest]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = overlays["monitoring"], overlays["another-stream"]
    names = [{(m["kind"], m["metadata"]["name"]) for m in manifests} for manifests in (one, other)]
    assert not names[0] & names[1]
    for manifests, others in ((one, other), (other, one)):
        labels = only(others, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
        for selector in selectors(manifests):
            assert not selector.items() <= labels.items()
        monitor = only(manifests, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
        assert monitor.items() <= only(manifests, "Service")["metadata"]["labels"].items()
        assert not monitor.items() <= only(others, "Service")["metadata"]["labels"].items()
    groups = {loaded(manifests, tmp_path, monkeypatch).kafka.group for manifests in (one, other)}
    assert len(groups) == 2
    assert "PrometheusRule" not in {manifest["kind"] for manifest in other}
