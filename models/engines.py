"""Builds the engine that suits a device."""

from __future__ import annotations

import torch

from models import device_engine, micro_batches
from models.autoencoder import Autoencoder
from models.device_engine import DeviceEngine
from models.engine import CpuEngine, Engine
from models.input_spec import InputSpec
from models.precision import FLOAT32
from models.views import Views


def engine_for(
    model: Autoencoder,
    spec: InputSpec,
    metric: str,
    precision: str = FLOAT32,
    micro_batch: int | None = None,
    views: Views | None = None,
) -> Engine:
    """The engine of a model on the device where the model is.

    micro_batch: None to choose it, which on the CPU may take a second of measuring. views: to be
    computed with the errors, or None.
    """
    device: torch.device = next(model.parameters()).device
    if device.type != "cpu":
        rows = micro_batch or device_engine.suited_rows(spec)
        return DeviceEngine(model, spec, metric, precision, rows, views=views)
    engine = CpuEngine(model, spec, metric, precision, views=views)
    engine.micro_batch = micro_batch or micro_batches.suited(engine, spec)
    return engine
