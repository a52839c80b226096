"""A configuration names a model or a registry; with a registry, the model is what is current."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from models.bundle import load as load_bundle
from monitor.cli import main
from monitor.config.file import load
from monitor.daemon.assembly.daemon import build
from monitor.daemon.assembly.registry import model_folder, open_registry
from monitor.errors import ConfigError, RegistryError
from monitor.registry.embedded import EmbeddedRegistry
from monitor.registry.mlflow import MlflowRegistry

REST = "kafka: {topic: images}\ncodec: {name: raw}\nhttp: {port: 0}\n"
IN_MLFLOW = "{tracking_uri: 'http://127.0.0.1:5000', name: digits, cache: models}"


def write(folder: Path, text: str) -> str:
    path = folder / "aead-monitor.yaml"
    path.write_text(text + REST, encoding="utf-8")
    return str(path)


NEITHER = "give either model .* or registry .*, and not both"
BROKEN = {
    "neither model nor registry": ("", NEITHER),
    "both": ("model: ./model\nregistry: {path: r}\n", NEITHER),
    "a registry nowhere": ("registry: {}\n", r"registry: give either path .* or mlflow"),
    "a registry in two places": (
        f"registry: {{path: r, mlflow: {IN_MLFLOW}}}\n",
        r"registry: give either path .* or mlflow .* and not both",
    ),
    "a password in the address": (
        "registry: {mlflow: {tracking_uri: 'http://u:secret@h', name: n, cache: c}}\n",
        r"registry\.mlflow\.tracking_uri: must match",
    ),
    "a database instead of a server": (
        "registry: {mlflow: {tracking_uri: 'sqlite:///x', name: n, cache: c}}\n",
        r"registry\.mlflow\.tracking_uri: must match",
    ),
    "a name that ends the search": (
        "registry: {mlflow: {tracking_uri: 'http://h', name: \"n' OR\", cache: c}}\n",
        r"registry\.mlflow\.name: must match",
    ),
    "no cache": (
        "registry: {mlflow: {tracking_uri: 'http://h', name: n}}\n",
        r"registry\.mlflow\.cache: is required, and missing",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake_is_one_line(name: str, tmp_path: Path) -> None:
    text, expected = BROKEN[name]
    with pytest.raises(ConfigError, match=expected) as caught:
        load(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    config = load(write(tmp_path, "registry: {path: registry}\n"))
    assert config.registry is not None
    assert config.registry.path == tmp_path / "registry"
    assert isinstance(open_registry(config), EmbeddedRegistry)
    config = load(write(tmp_path, f"registry: {{mlflow: {IN_MLFLOW}}}\n"))
    assert config.registry is not None
    assert config.registry.mlflow is not None
    assert config.registry.mlflow.cache == tmp_path / "models"
    assert isinstance(open_registry(config), MlflowRegistry)


def test_a_model_needs_no_registry(tmp_path: Path) -> None:
    config = load(write(tmp_path, "model: ./model\n"))
    assert model_folder(config) == tmp_path / "model"
    with pytest.raises(ConfigError, match="names a model and no registry"):
        open_registry(config)


def test_the_environment_can_name_the_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEAD_MONITOR_REGISTRY__PATH", str(tmp_path / "registry"))
    config = load(write(tmp_path, ""))
    assert config.registry is not None
    assert config.registry.path == tmp_path / "registry"


def test_an_empty_registry_says_how_to_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, "registry: {path: registry}\n")
    with pytest.raises(RegistryError, match="aead-monitor models add BUNDLE --promote"):
        model_folder(load(path))
    for command in (["check-config", path], ["run", "--config", path]):
        assert main(command) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert main(["check-config", path, "--no-model", "--print"]) == 0


def test_the_daemon_scores_with_what_is_current(
    tmp_path: Path, digits_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = EmbeddedRegistry(tmp_path / "registry")
    version = registry.add(digits_bundle)
    path = write(tmp_path, "registry: {path: registry}\n")
    with pytest.raises(RegistryError, match="no current version yet"):
        model_folder(load(path))
    registry.promote(version, "r", "b")
    assert load_bundle(model_folder(load(path))).version == version
    assert main(["check-config", path]) == 0
    daemon = build(load(path), threading.Event())
    try:
        assert daemon.model.version == version
    finally:
        daemon.parts.web.stop()
        assert daemon.parts.state is not None
        daemon.parts.state.close()
