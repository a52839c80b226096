"""Exports a bundle as a folder for the Hugging Face hub.

It is the bundle, with a config.json and a head on its model card by which the hub files it: what
is downloaded from the hub is loaded as any bundle is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import yaml

from models import bundle as bundles
from models import report
from models.bundle import Bundle
from models.bundle_files import CHANNELS, CONTEXT, MANIFEST, MODEL, REFERENCE
from models.errors import ExportError
from models.files import replaced_folder
from models.mlflow_export import check_target

CARD: Final = "README.md"
CONFIG: Final = "config.json"
PLOTS: Final = "plots"
_HEAD: Final = "---\n"


def export(bundle: Bundle, folder: Path) -> None:
    """Write the folder, which appears whole or not at all, and load it once as a bundle.

    Raises ExportError if the folder holds anything else, or the bundle's files have changed.
    """
    check_target(folder, CONFIG)
    source = bundle.path
    with replaced_folder(folder.absolute()) as draft:
        for name in (MANIFEST, MODEL, REFERENCE, CHANNELS, CONTEXT):
            if (source / name).is_file():
                (draft / name).write_bytes((source / name).read_bytes())
        (draft / CONFIG).write_text(json.dumps(config(bundle), indent=2) + "\n", encoding="utf-8")
        (draft / CARD).write_text(card(bundle), encoding="utf-8")
        (draft / PLOTS).mkdir()
        for path in sorted((source / PLOTS).glob("*.png")):
            (draft / PLOTS / path.name).write_bytes(path.read_bytes())
        if bundles.load(draft).version != bundle.version:
            raise ExportError(f"{source}: it was replaced meanwhile. Export it again")


def config(bundle: Bundle) -> dict[str, Any]:
    """What config.json says: the architecture, and how a record becomes its input."""
    return {
        "model_type": "aead-monitor",
        "library_name": "aead-monitor",
        "architecture": bundle.architecture,
        "architecture_settings": bundle.model.settings,
        "input_spec": bundle.input_spec.to_json(),
        "error_metric": bundle.error_metric,
        "threshold": bundle.reference.threshold,
        "quantile": bundle.reference.quantile,
        "version": bundle.version,
    }


def card(bundle: Bundle) -> str:
    """The bundle's model card with the head that the hub reads, and how to use it."""
    own = bundle.path / CARD
    text = own.read_text(encoding="utf-8") if own.is_file() else report.model_card(bundle)
    if text.startswith(_HEAD):  # an export of an export
        text = text.split(_HEAD, 2)[2].lstrip("\n")
        text = text.partition(_USE_BEGINS)[0].rstrip("\n") + "\n"
    head = yaml.safe_dump(
        {
            "library_name": "aead-monitor",
            "tags": _tags(bundle),
            "pipeline_tag": _task(bundle),
            "model_name": f"{bundle.architecture} {bundle.version}",
        },
        sort_keys=False,
    )
    return f"{_HEAD}{head}{_HEAD}\n{text}\n{_USE_BEGINS}\n\n{_USE}"


_USE_BEGINS: Final = "## How to use it"
_USE: Final = """\
The folder is a bundle of aead-monitor: numbers and JSON, no pickle.

    hf download OWNER/NAME --local-dir model
    aead-monitor score model --data today.csv --out scores.csv
    aead-monitor run --config aead-monitor.yaml     # with `model: ./model` in it

```python
from models import AnomalyDetector

AnomalyDetector.load("model").predict(today)  # -1 for an anomaly
```
"""


def _tags(bundle: Bundle) -> list[str]:
    kind = bundle.input_spec.layout
    kinds = {"vector": "tabular", "series": "time-series"}
    return ["anomaly-detection", "autoencoder", "drift-detection", kinds.get(kind, "image"),
            bundle.architecture]  # fmt: skip


def _task(bundle: Bundle) -> str:
    """The hub's task that is nearest: a record is normal or anomalous."""
    return "image-classification" if bundle.input_spec.is_image else "tabular-classification"
