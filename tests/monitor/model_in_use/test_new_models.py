"""Real bundles: what is followed in a folder, what is tried before it is used, and what refused."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models import bundle
from models.architectures import build as build_model
from models.errors import BundleError
from models.input_spec import InputSpec
from models.reference import Reference
from models.sample_rows import rows_of
from monitor.codecs import CODECS, CodecSettings
from monitor.codecs.decoding import Limits, decoder
from monitor.config import Config
from monitor.daemon.assembly import daemon as assembly
from monitor.daemon.loop import Daemon
from monitor.errors import ConfigError, ProbeError
from monitor.model_in_use.model_folder import ModelFolder
from monitor.pipeline.probe import probe
from monitor.stream.records import Scores
from tests.models.bundles import reseal, write
from tests.monitor.builders import ValueScorer, reference
from tests.monitor.codecs.carried import CARRIED

VECTOR = InputSpec((3,), "vector", "float32", (1.0, 2.0, 3.0), (0.5, 0.5, 2.0))
SPECS = {
    "HW": InputSpec((1, 8, 6), "HW", "uint8", (0.0,), (255.0,)),
    "HWC": InputSpec((3, 8, 6), "HWC", "uint8", (0.0,) * 3, (255.0,) * 3),
    "CHW": InputSpec((3, 8, 6), "CHW", "float32", (0.0,) * 3, (1.0,) * 3),
    "bool": InputSpec((1, 8, 6), "HW", "bool", (0.0,), (1.0,)),
    "int64": InputSpec((3,), "vector", "int64", (9e18,) * 3, (1e18,) * 3),
    "vector": VECTOR,
}


def save(folder: Path, seed: int = 0, spec: InputSpec = VECTOR, threshold: float = 1.0) -> str:
    """A small bundle; another seed is another version."""
    torch.manual_seed(seed)
    errors = threshold * np.random.default_rng(seed).lognormal(size=2000)
    return bundle.save(
        folder,
        model=build_model("dense", spec, {}),
        input_spec=spec,
        reference=Reference.calibrate(errors),
        error_metric="mse",
        metadata={"created": "2024-01-01T00:00:00+00:00"},
    ).version


def settings(model: Path, state: Path, **changes: Any) -> Config:
    values: dict[str, Any] = {
        "model": model,
        "kafka": {"bootstrap_servers": "127.0.0.1:1", "topic": "in"},
        "codec": {"name": "json"},
        "state": {"directory": state},
        "http": {"port": 0},
    }
    return Config(**(values | changes))


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("codec_name", CODECS)
def test_probe_rows_pass_every_codec_that_fits(name: str, codec_name: str) -> None:
    spec = SPECS[name]
    rows = rows_of(spec)
    assert rows.shape == (8, *spec.record_shape)
    dtype = "uint8" if name == "bool" else spec.dtype
    assert rows.dtype == dtype
    carried = CARRIED[codec_name]
    try:
        codec = CODECS[codec_name](CodecSettings(spec.record_shape, dtype))
        codec.encode(rows[0])
    except ValueError as error:
        assert dtype not in carried.dtypes or spec.record_shape not in carried.shapes
        pytest.skip(f"not for {codec_name}: {error}")
    decode = decoder(codec, Limits(10**6, 10))
    model = build_model("dense", spec, {}).eval()

    class Plain:
        def score(self, records: NDArray[Any]) -> Scores:
            with torch.inference_mode():
                x = torch.from_numpy(spec.prepare(records))
                errors = ((model(x) - x) ** 2).flatten(1).mean(1).numpy().astype(np.float64)
            return Scores(errors, np.ones_like, errors > 0, "v")

    probe(decode, Plain(), codec, spec.record_shape, spec)


def fail(score: Callable[[NDArray[Any]], NDArray[np.float64]]) -> None:
    class Bad(ValueScorer):
        def score(self, records: NDArray[Any]) -> Scores:
            return replace(super().score(records), reconstruction_error=score(records))

    codec = CODECS["raw"](CodecSettings((3,), "float32"))
    probe(decoder(codec, Limits(100, 1)), Bad(reference()), codec, (3,), VECTOR)


def test_a_model_without_finite_errors_is_refused() -> None:
    with pytest.raises(ProbeError, match="no finite error"):
        fail(lambda rows: np.full(len(rows), np.nan))


def test_a_model_whose_errors_depend_on_the_batch_is_refused() -> None:
    with pytest.raises(ProbeError, match="depends on the records beside it"):
        fail(lambda rows: np.full(len(rows), 1.0 + rows.mean()))


def test_noise_that_takes_more_bytes_than_records_do_is_no_reason_to_refuse_a_model() -> None:
    codec = CODECS["raw"](CodecSettings((3,), "float32"))
    probe(decoder(codec, Limits(8, 1)), ValueScorer(reference()), codec, (3,), VECTOR)


def test_a_model_whose_records_the_codec_does_not_carry_is_refused() -> None:
    codec = CODECS["raw"](CodecSettings((4,), "float32"))
    with pytest.raises(ProbeError, match="cannot be decoded"):
        probe(decoder(codec, Limits(100, 1)), ValueScorer(reference()), codec, (3,), VECTOR)


def test_a_folder_that_is_replaced_and_a_link_that_is_set_anew_are_seen(tmp_path: Path) -> None:
    first, second = save(tmp_path / "a", 1), save(tmp_path / "b", 2)
    link = tmp_path / "model"
    link.symlink_to("a")
    folder = ModelFolder(link)
    assert folder.version() == folder.version() == first
    (tmp_path / "new").symlink_to("b")
    (tmp_path / "new").replace(link)
    assert folder.version() == second
    assert folder.fetch(second) == tmp_path / "b"
    third = save(tmp_path / "b", 3)
    assert folder.version() == third


@pytest.mark.parametrize("damage", ["missing", "edited"])
def test_a_folder_without_a_whole_bundle_json_is_an_error(damage: str, tmp_path: Path) -> None:
    write(tmp_path / "a")
    folder = ModelFolder(tmp_path / "a")
    folder.version()
    path = tmp_path / "a" / "bundle.json"
    if damage == "missing":
        path.unlink()
    else:
        path.write_text(path.read_text().replace("mse", "mae"))
    for _ in range(2):
        with pytest.raises(BundleError, match=r"bundle\.json"):
            folder.version()


@pytest.fixture
def daemon(tmp_path: Path) -> Any:
    made: list[Daemon] = []

    def make(**changes: Any) -> Daemon:
        save(tmp_path / "model", 1)
        config = settings(tmp_path / "model", tmp_path / "state", **changes)
        made.append(assembly.build(config, threading.Event()))
        return made[-1]

    yield make
    for subject in made:
        subject._close()


def test_a_bundle_put_in_the_folder_is_offered_ready(daemon: Any, tmp_path: Path) -> None:
    subject = daemon()
    follower = subject.parts.follower
    follower.check()
    assert subject.parts.slot.version is None
    second = save(tmp_path / "model", 2, threshold=10.0)
    follower.check()
    assert subject.parts.slot.version == second
    subject._swap.turn()
    assert subject.model.version == second
    sample = subject.parts.metrics.registry.get_sample_value
    assert sample("aead_monitor_threshold") == subject.model.threshold
    follower.check()
    assert subject.parts.slot.version is None


@pytest.mark.parametrize(
    ("damage", "reason"),
    [("weights", "damaged"), ("shape", "unfit"), ("overflow", "probe"), ("gone", "resolve")],
)
def test_a_bad_bundle_leaves_the_model_in_use(
    damage: str, reason: str, daemon: Any, tmp_path: Path
) -> None:
    subject = daemon(codec={"name": "json", "shape": [3]})
    before, folder = subject.model.version, tmp_path / "model"
    if damage == "shape":
        save(
            folder, 2, SPECS["vector"].__class__((4,), "vector", "float32", (0.0,) * 4, (1.0,) * 4)
        )
    else:
        save(folder, 2)
    if damage == "weights":
        data = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif damage == "overflow":
        overflow(folder)
    elif damage == "gone":
        shutil.rmtree(folder)
    subject.parts.follower.check()
    assert subject.parts.slot.version is None
    subject._swap.turn()
    assert subject.model.version == before
    sample = subject.parts.metrics.registry.get_sample_value
    assert sample("aead_monitor_model_swap_failures_total", {"reason": reason}) == 1


def overflow(folder: Path) -> None:
    """Weights that are finite, and whose products are not."""
    import safetensors.torch

    path = folder / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    safetensors.torch.save_file({k: torch.full_like(v, 1e30) for k, v in tensors.items()}, path)
    reseal(folder)
    bundle.load(folder)


def test_a_shadow_for_other_records_is_refused_at_the_start(daemon: Any, tmp_path: Path) -> None:
    save(tmp_path / "other", 3, SPECS["CHW"])
    with pytest.raises(ConfigError, match=r"shadow: .* takes records of shape \[3, 8, 6\]"):
        daemon(shadow=str(tmp_path / "other"))


def test_a_shadow_stays_when_the_model_is_replaced(daemon: Any, tmp_path: Path) -> None:
    version = save(tmp_path / "shadow", 3)
    subject = daemon(shadow=str(tmp_path / "shadow"))
    sample = subject.parts.metrics.registry.get_sample_value
    rows = np.ones((5, 3), dtype=np.float32)
    subject.model.scorer.score(rows)
    save(tmp_path / "model", 2)
    subject.parts.follower.check()
    assert sample("aead_monitor_shadow_rows_scored_total") == 5  # the probe is not for the shadow
    subject._swap.turn()
    assert subject.model.scorer.score(rows).model_version == subject.model.version
    assert sample("aead_monitor_shadow_rows_scored_total") == 10
    assert sample("aead_monitor_shadow_info", {"version": version}) == 1
