"""Every situation of docs/data.md, and that the page and the tests name the same ones."""

import re
from pathlib import Path

import pytest

from monitor.datasets import Reading, fitting, learning
from monitor.errors import DataError
from tests.monitor.datasets.cases import SITUATIONS
from tests.monitor.datasets.situations import Situation

PAGE = Path(__file__).parents[3] / "docs" / "data.md"


def outcome(situation: Situation, folder: Path) -> tuple[str, str, str]:
    """Features, what was said, and what the records are."""
    said: list[str] = []
    path = situation.write(folder) or str(folder)
    reading = Reading(**situation.said, say=said.append)
    if situation.spec is None:
        learned = learning.read(path, reading)
        data, said = learned.data, said + learned.account.warnings()
        assert learned.account.records == len(data.records)
    else:
        data = fitting.load(path, None, situation.spec, reading)
    assert data.records.shape[1:] == (len(data.features),) or not data.features
    what = f"{' x '.join(map(str, data.records.shape))} {data.records.dtype}"
    return "|".join(data.features), "\n".join(said), what


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda each: each.name)
def test_what_becomes_of(situation: Situation, tmp_path: Path) -> None:
    if situation.features is None:
        with pytest.raises(DataError) as caught:
            outcome(situation, tmp_path)
        assert situation.fault in str(caught.value).replace(str(tmp_path), "FOLDER")
        return
    features, said, records = outcome(situation, tmp_path)
    wanted = situation.features
    assert features == (wanted if "|" in wanted else "|".join(wanted.split()))
    assert situation.told in said
    assert situation.told or not said
    assert situation.records in records


def test_the_page_has_a_line_for_each_and_no_other() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("| what it is | what happens |")[2]
    lines = re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.MULTILINE)
    named = [name for name, what in lines if name != "---" and what]
    assert named == [situation.name for situation in SITUATIONS]
    assert len(named) >= 40
