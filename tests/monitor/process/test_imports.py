"""Blocks of imports without garbage collection."""

import gc
import subprocess
import sys

import pytest

from monitor.process.imports import without_collection

FREEZES = """
import gc
from monitor.process.imports import without_collection
with without_collection():
    assert not gc.isenabled()
    import decimal
assert gc.isenabled() and gc.get_freeze_count() > 1000
"""


def test_new_modules_are_kept_from_the_collector() -> None:
    subprocess.run([sys.executable, "-c", FREEZES], check=True)


def test_nothing_is_frozen_where_nothing_was_imported() -> None:
    count = gc.get_freeze_count()
    with without_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() == count


def test_collection_is_on_again_after_an_error() -> None:
    with pytest.raises(ImportError), without_collection():
        import no_such_module  # type: ignore[import-not-found]  # noqa: F401
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with without_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
