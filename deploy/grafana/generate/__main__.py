"""Writes the dashboards: `python -m deploy.grafana.generate`."""

from __future__ import annotations

from pathlib import Path

from deploy.grafana.generate.files import files

FOLDER = Path(__file__).parents[1] / "dashboards"

if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
