"""An example of each receiver's section, and the answer that says that a request was taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from monitor.config.receivers import RECEIVERS, NamedReceiver
from tests.asked import Asked

SECRET = "s3cret"


def kind_of(section: type[NamedReceiver]) -> str:
    """What `kind` must be for a section."""
    (kind,) = get_args(section.model_fields["kind"].annotation)
    return str(kind)


KINDS = {kind_of(section): section for section in RECEIVERS}

_FILE = "FOLDER/token"
SECTIONS: Asked[dict[str, Any]] = Asked(
    "tests/monitor/receivers/sections.py: add an example of receiver {} to SECTIONS",
    {
        "kafka": {"name": "topic", "topic": "retrain", "mode": "binary"},
        "http": {"name": "bus", "url": "https://bus.example/events?x=1",
                 "token_file": _FILE, "header_files": {"X-Tenant": _FILE}},
        "webhook": {"name": "hook", "url": "http://127.0.0.1:8080", "secret_file": _FILE},
        "airflow": {"name": "airflow", "url": "https://airflow.example", "dag": "retrain",
                    "token_file": _FILE},
        "github": {"name": "actions", "repository": "owner/name", "token_file": _FILE},
        "command": {"name": "script", "arguments": ["/opt/retrain", "--now"]},
    },
)  # fmt: skip
"""As in docs/retraining-requests.md, without the kind."""

TAKEN: Asked[int] = Asked(
    "tests/monitor/receivers/sections.py: add the status with which receiver {} is told that"
    " a request was taken to TAKEN",
    {"http": 202, "webhook": 200, "airflow": 200, "github": 204},
)


def example(kind: str, folder: Path, **changes: Any) -> dict[str, Any]:
    """The section of a kind, its files in the folder, with some values changed."""
    return {**_placed(SECTIONS[kind], folder), "kind": kind, **changes}


def _placed(value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        return {name: _placed(each, folder) for name, each in value.items()}
    return folder / "token" if value == _FILE else value
