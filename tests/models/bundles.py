"""Bundles for tests: how to write one, and how to damage it as an attacker would."""

import json

import numpy as np
import pytest
import safetensors.torch
import torch

from models import bundle, bundle_files
from models.architectures import build
from models.bundle_files import CHANNELS, CONTEXT, MANIFEST, MODEL, REFERENCE
from models.errors import BundleError
from models.reference import Reference
from tests.models.builders import spec_of

SPEC = spec_of((1, 8, 8))
SERIES = spec_of((2, 16))


def write(folder, name="dense", pages=None, metadata=None):
    torch.manual_seed(0)
    spec = SERIES if name == "temporal" else SPEC
    return bundle.save(
        folder,
        model=build(name, spec, {}),
        input_spec=spec,
        reference=Reference.calibrate(np.random.default_rng(0).random(50)),
        error_metric="mse",
        metadata=metadata or {"created": "2024-01-01T00:00:00+00:00"},
        pages=pages,
    )


def reseal(folder, **changes):
    """Edit bundle.json as an attacker would: with hashes and version that fit."""
    document = json.loads((folder / MANIFEST).read_text())
    document = {k: v for k, v in {**document, **changes}.items() if k not in ("version", "sha256")}
    optional = [name for name in (CHANNELS, CONTEXT) if (folder / name).exists()]
    names = [MODEL, REFERENCE, *optional]
    contents = {name: (folder / name).read_bytes() for name in names}
    (folder / MANIFEST).write_bytes(bundle_files.manifest(document, contents))


def edit_tensors(folder, name, change):
    tensors = safetensors.torch.load_file(folder / name)
    change(tensors)
    (folder / name).write_bytes(safetensors.torch.save(tensors))
    reseal(folder)


def refusal(folder):
    """The one line with which the bundle is refused."""
    with pytest.raises(BundleError) as caught:
        bundle.load(folder)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600
    return str(caught.value)
