"""A new plug-in is asked for all that its tests need: the place, the thing and the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from models.architectures import ARCHITECTURES
from models.autoencoder import Autoencoder
from monitor.codecs import CODECS
from monitor.daemon.assembly.codec import NAMELESS
from monitor.drift.detectors import ADVISORY, DETECTORS
from tests.asked import Asked
from tests.fuzz import bombs, check, payloads, seeds, test_fuzz
from tests.kafka import payloads as bad_payloads
from tests.models import builders, losses, test_architectures
from tests.monitor.codecs import carried
from tests.monitor.drift.detectors import test_detectors
from tests.monitor.receivers import sections

ROOT = Path(__file__).parents[1]
TABLES: list[tuple[Asked[Any], tuple[str, ...]]] = [
    *(
        (table, tuple(CODECS))
        for table in (
            seeds.VARIANTS,
            seeds.SAMPLES,
            payloads.CODEC_EDITS,
            bombs.BOMBS,
            check.ROWS,
            test_fuzz.IMPOSSIBLE,
            bad_payloads.REASONS,
            bad_payloads.SPECIAL,
            carried.CARRIED,
        )
    ),
    *(
        (table, tuple(ARCHITECTURES))
        for table in (builders.SHAPES, losses.LOSSES, test_architectures.CRAFTED)
    ),
    (test_detectors.FOUND_AFTER, (*DETECTORS, *ADVISORY)),
    (sections.SECTIONS, tuple(sections.KINDS)),
]
CASES = [(table, name) for table, names in TABLES for name in names]


@pytest.mark.parametrize(
    ("table", "name"),
    CASES,
    ids=lambda value: value if isinstance(value, str) else value.request.split(":")[0],
)
def test_every_table_has_an_entry_for_every_plug_in(table: Asked[Any], name: str) -> None:
    assert table[name] is not None


@pytest.mark.parametrize(("table", "names"), TABLES, ids=lambda value: "")
def test_no_table_has_an_entry_for_what_is_gone(table: Asked[Any], names: tuple[str, ...]) -> None:
    assert set(table) <= set(names)


@pytest.mark.parametrize(("table", "names"), TABLES, ids=lambda value: "")
def test_a_missing_entry_is_asked_for_by_file_name_and_table(
    table: Asked[Any], names: tuple[str, ...]
) -> None:
    with pytest.raises(AssertionError) as caught:
        table["cbor"]
    place, _, what = str(caught.value).partition(": add ")
    assert "'cbor'" in what
    assert what.split()[-1] in (ROOT / place).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_table_of_architectures_leads_to_their_classes(name: str) -> None:
    architecture = ARCHITECTURES[name].load()
    assert issubclass(architecture, Autoencoder)
    assert architecture.architecture == name


def test_codecs_without_names_are_refused_for_models_that_need_them() -> None:
    assert {name for name in CODECS if not carried.CARRIED[name].names} == NAMELESS
