"""Metrics are counted in this process alone, whatever the environment says."""

from __future__ import annotations

import os
from typing import Final

from prometheus_client import values

VARIABLES: Final = ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir")


def count_in_this_process() -> None:
    """Keep prometheus_client from sharing numbers with other processes; before a metric is made.

    With one of VARIABLES it would write them to files of a folder, and go on with the numbers of
    an earlier process that had our id; labels that are removed would come with a warning.
    """
    for name in VARIABLES:
        os.environ.pop(name, None)
    values.ValueClass = values.MutexValue
