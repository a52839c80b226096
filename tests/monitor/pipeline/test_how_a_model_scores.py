"""Precision, threads and micro-batch: from the configuration to the scorer, and what is said."""

import numpy as np
import pytest
import torch

from models import bundle
from models.errors import BundleError
from monitor.cli import main
from monitor.config.file import load
from monitor.daemon.assembly.daemon import fingerprint
from monitor.daemon.assembly.loaded_model import build_model
from monitor.daemon.assembly.model import load_in_precision, set_threads
from monitor.errors import ConfigError
from monitor.pipeline.scorer import Scorer
from tests.data import digit_images


@pytest.fixture
def configured(tmp_path, digits_bundle):
    """A function from further lines to a configuration."""

    def configured(more=""):
        path = tmp_path / "aead-monitor.yaml"
        path.write_text(
            f"model: {digits_bundle}\nkafka: {{topic: in}}\n"
            f"codec: {{name: npy}}\ndevice: cpu\n{more}"
        )
        return load(str(path))

    return configured


@pytest.fixture(autouse=True)
def threads_put_back():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_status_page_is_told_how_the_model_scores(configured, digits_bundle):
    config = configured("threads: 1\nmicro_batch: 48\n")
    loaded = load_in_precision(config, digits_bundle)
    set_threads(config, loaded)
    assert build_model(config, loaded).about["scoring"] == {
        "device": "cpu",
        "precision": "float32",
        "threads": 1,
        "micro_batch": 48,
        "slow": False,
    }


def test_threads_are_those_of_the_configuration_or_suit_the_model(configured, digits_bundle):
    loaded = bundle.load(digits_bundle)
    set_threads(configured("threads: 3\n"), loaded)
    assert torch.get_num_threads() == 3
    set_threads(configured(), loaded)
    assert torch.get_num_threads() == 1


def test_a_model_without_the_calibration_is_refused_at_the_start(configured, digits_bundle):
    config = configured("precision: bfloat16\n")
    with pytest.raises(BundleError, match="--precision bfloat16, or score in float32"):
        load_in_precision(config, digits_bundle)


@pytest.mark.parametrize(
    "line", ["threads: 0", "threads: many", "micro_batch: 0", "precision: float16"]
)
def test_other_values_are_refused(configured, line):
    with pytest.raises(ConfigError, match=line.partition(":")[0]):
        configured(f"{line}\n")


def test_another_precision_is_another_stream_and_the_default_is_none(configured):
    assert fingerprint(configured("threads: 2\nmicro_batch: 7\n")) == fingerprint(configured())
    assert fingerprint(configured("precision: bfloat16\n")) != fingerprint(configured())


def test_check_config_says_how_the_model_scores(configured, tmp_path, capsys):
    configured("threads: 1\n")
    assert main(["check-config", str(tmp_path / "aead-monitor.yaml")]) == 0
    assert "scoring: cpu, float32, 1 CPU threads, 4096 rows a forward pass" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("rows", [1, 5, 64, 4096])
def test_scores_do_not_depend_on_the_micro_batch(digits_bundle, rows):
    images = digit_images(300)
    wanted = Scorer(bundle.load(digits_bundle), "cpu").score(images)
    found = Scorer(bundle.load(digits_bundle), "cpu", rows).score(images)
    np.testing.assert_allclose(found.reconstruction_error, wanted.reconstruction_error, rtol=1e-6)
    np.testing.assert_array_equal(found.anomalous, wanted.anomalous)


def test_p_values_of_a_choice_are_those_of_its_rows(digits_bundle):
    scores = Scorer(bundle.load(digits_bundle), "cpu").score(digit_images(50))
    chosen = np.arange(50) % 3 == 0
    np.testing.assert_array_equal(scores.where(chosen).p_value, scores.p_value[chosen])
