"""Damaged and hostile bundles are refused in one line, and nothing of them runs."""

import hashlib
import json
import os

import pytest
import torch

from models import bundle_files
from models.bundle_files import MANIFEST, MODEL, REFERENCE
from tests.models.bundles import edit_tensors, refusal, reseal


@pytest.mark.parametrize("name", [MANIFEST, MODEL, REFERENCE])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert f"{name}: cannot be read (No such file" in refusal(folder)


@pytest.mark.parametrize("name", [MODEL, REFERENCE])
def test_one_flipped_bit_is_noticed(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    assert f"{name}: its content does not match the hash" in refusal(folder)


@pytest.mark.parametrize("name", [MODEL, REFERENCE])
def test_a_truncated_file_is_noticed_even_if_the_hash_fits(folder, name):
    (folder / name).write_bytes((folder / name).read_bytes()[:-8])
    reseal(folder)
    assert f"{name}: is not a whole safetensors file" in refusal(folder)


def test_an_edited_threshold_is_noticed(folder):
    path = folder / MANIFEST
    path.write_text(path.read_text().replace('"threshold": 0', '"threshold": 9'))
    assert "does not match its version" in refusal(folder)


@pytest.mark.parametrize("size", [2, 200])
def test_a_truncated_manifest_is_noticed(folder, size):
    path = folder / MANIFEST
    path.write_bytes(path.read_bytes()[:size])
    assert "is not valid JSON" in refusal(folder)


@pytest.mark.parametrize("text", ["[]", "1", "{}", '{"sha256": 1}'])
def test_json_of_something_else_is_refused(folder, text):
    (folder / MANIFEST).write_text(text)
    assert "not the description of a bundle" in refusal(folder)


@pytest.mark.parametrize("text", ["[" * 10**5, '{"a": NaN}', b"\x80\x02]q\x00.", "9" * 10**5])
def test_hostile_json_is_refused(folder, text):
    (folder / MANIFEST).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert "is not valid JSON" in refusal(folder)


@pytest.mark.parametrize("metadata", ['{"a": 1e999}', '{"a":' + "[" * 900 + "]" * 900 + "}"])
def test_json_that_we_would_not_have_written_is_refused(folder, metadata):
    document = json.loads((folder / MANIFEST).read_text())
    text = json.dumps({**document, "metadata": 0}).replace(
        '"metadata": 0', f'"metadata": {metadata}'
    )
    (folder / MANIFEST).write_text(text)
    assert "does not match its version" in refusal(folder)


@pytest.mark.parametrize("name", [MANIFEST, MODEL, REFERENCE])
def test_a_file_that_is_too_large_is_not_read(folder, name, monkeypatch):
    monkeypatch.setitem(bundle_files.LIMITS, name, 100)
    assert f"{name}: is larger than" in refusal(folder)


@pytest.mark.parametrize("schema", [0, 6, "1", True, None])
def test_an_unknown_schema_says_what_to_do(folder, schema):
    reseal(folder, schema_version=schema)
    assert "schema_version must be 1 to 5, got" in refusal(folder)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"architecture": "os.system"}, "unknown architecture"),
        ({"architecture": "convolutional"}, "unknown setting 'hidden'"),
        ({"architecture_settings": {"hidden": [10**9], "output": "linear"}}, "must be a whole"),
        ({"architecture_settings": {"hidden": [60_000] * 30}}, "parameters, more than"),
        ({"architecture_settings": None}, "bundle.json"),
        ({"architecture_settings": [1, 2]}, "unknown setting"),
        ({"error_metric": "mse2"}, "unknown error_metric"),
        ({"error_metric": ["mse"]}, "unknown error_metric"),
        ({"input_spec": {}}, "needs the keys"),
        ({"input_spec": 7}, "bundle.json"),
        ({"reference": {}}, "quantile is missing"),
        ({"reference": []}, "bundle.json"),
        ({"reference": {"quantile": "x"}}, "could not convert"),
        ({"metadata": 5}, "bundle.json"),
    ],
    ids=str,
)
def test_a_crafted_manifest_is_refused(folder, changes, reason):
    reseal(folder, **changes)
    assert reason in refusal(folder)


@pytest.mark.parametrize("key", ["architecture", "input_spec", "error_metric", "reference"])
def test_a_missing_key_is_named(folder, key):
    document = json.loads((folder / MANIFEST).read_text())
    del document[key]
    (folder / MANIFEST).write_text(json.dumps(document))
    reseal(folder)
    assert f"{key} is missing" in refusal(folder)


def test_names_of_files_in_the_manifest_are_never_followed(folder, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    document = json.loads((folder / MANIFEST).read_text())
    del document["version"]
    document["sha256"] = {"../secret": hashlib.sha256(b"secret").hexdigest()}
    document["version"] = bundle_files.version_of(document)
    (folder / MANIFEST).write_text(json.dumps(document))
    assert "does not match the hash" in refusal(folder)


def drop(name):
    return lambda tensors: tensors.pop(name)


def put(name, tensor):
    return lambda tensors: tensors.update({name: tensor})


BIAS = "decoder.0.bias"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (drop(BIAS), f"tensor '{BIAS}' is missing"),
        (put("trojan", torch.zeros(4)), "tensor 'trojan' does not belong"),
        (put(BIAS, torch.zeros(17)), f"tensor {BIAS} is torch.float32 [17]"),
        (put(BIAS, torch.zeros(16, dtype=torch.float64)), f"tensor {BIAS} is torch.float64"),
        (put(BIAS, torch.full((16,), torch.nan)), "not finite"),
        (put(BIAS, torch.full((16,), torch.inf)), "not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder, change, reason):
    edit_tensors(folder, MODEL, change)
    assert reason in refusal(folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (drop("errors"), "one float64 list"),
        (put("more", torch.zeros(3)), "one float64 list"),
        (put("errors", torch.zeros(50)), "one float64 list"),
        (put("errors", torch.zeros(5, 10, dtype=torch.float64)), "one float64 list"),
        (put("errors", torch.zeros(0, dtype=torch.float64)), "at least 1 error"),
        (put("errors", torch.full((50,), torch.nan, dtype=torch.float64)), "finite"),
        (put("errors", torch.full((50,), -1.0, dtype=torch.float64)), "at least 0"),
        (put("errors", torch.zeros(50, dtype=torch.float64)), "do not match the threshold"),
        (lambda t: t.update(errors=t["errors"].flip(0)), "do not match the threshold"),
    ],
)
def test_calibration_errors_that_do_not_fit_are_refused(folder, change, reason):
    edit_tensors(folder, REFERENCE, change)
    message = refusal(folder)
    assert reason in message
    assert REFERENCE in message


def test_a_pickle_is_never_opened(folder):
    torch.save({"weight": torch.zeros(3)}, folder / MODEL)
    reseal(folder)
    assert "not a whole safetensors file" in refusal(folder)


def test_a_pipe_or_folder_in_place_of_a_file_is_refused(folder):
    (folder / MODEL).unlink()
    os.mkfifo(folder / MODEL)
    assert "is not a file" in refusal(folder)
    (folder / MODEL).unlink()
    (folder / MODEL).mkdir()
    assert "is not a file" in refusal(folder)
