"""What the components of the manifests add: monitoring, KEDA, a GPU; and a second stream."""

from pathlib import Path
from typing import Any

import pytest

from monitor.version import __version__
from tests.deploy.manifests import (
    FOLDER,
    OF_OPERATORS,
    OVERLAYS,
    Manifest,
    container,
    loaded,
    only,
    plain,
    rendered,
    selectors,
)


@pytest.fixture(scope="module")
def overlays() -> dict[str, list[Manifest]]:
    return {name: rendered(FOLDER / "overlays" / name) for name in OVERLAYS}


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
