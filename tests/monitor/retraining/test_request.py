"""A retraining request: its id, its JSON form and the published schema."""

import json
import math
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from monitor.errors import DataError
from monitor.retraining.request import (
    RetrainRequest,
    Statistics,
    Stretch,
    from_json,
    request_id,
    to_json,
)
from monitor.stream.records import Estimate, Partition

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "docs" / "schemas" / "retrain-request.json").read_text()
)
NOON = 1_772_366_400_000
REQUEST = RetrainRequest(
    model="digits",
    model_version="0123456789abcdef",
    number=1,
    policy="suggest",
    episode="0123456789ab",
    reason="errors are larger; the median error is 1.80 (1.70 to 1.90) times the reference's",
    timestamp=NOON + 9_000,
    statistics=Statistics(7.5, 6.0, "larger", Estimate(1.8, 1.7, 1.9), 0.01, 0.018),
    drifted=Stretch(
        {Partition("digits", 0): (100, 200), Partition("digits", 1): (90, 95)}, 105, NOON, NOON + 9
    ),
    good=Stretch({Partition("digits", 0): (0, 100)}, 100, NOON - 9_000, NOON - 1),
    links={"runbook": "https://example.com/runbook"},
)


def test_it_keeps_to_the_published_schema() -> None:
    jsonschema.validate(to_json(REQUEST), SCHEMA)


def test_it_survives_json() -> None:
    assert from_json(json.loads(json.dumps(to_json(REQUEST)))) == REQUEST


def test_what_is_not_known_is_null() -> None:
    unknown = Estimate(math.nan, math.nan, math.nan)
    numbers = replace(REQUEST.statistics, ratio=unknown, current_median=math.nan)
    document = to_json(replace(REQUEST, statistics=numbers, good=None))
    jsonschema.validate(document, SCHEMA)
    assert document["good"] is None
    assert document["statistics"]["current_median"] is None
    again = from_json(document)
    assert math.isnan(again.statistics.ratio.value)
    assert again.good is None


def test_the_id_depends_on_model_version_and_number_alone() -> None:
    other = replace(REQUEST, reason="", timestamp=0, policy="auto", episode="f" * 12, good=None)
    assert other.id == REQUEST.id == request_id("digits", "0123456789abcdef", 1)
    ids = {
        REQUEST.id,
        replace(REQUEST, model="cats").id,
        replace(REQUEST, model_version="f" * 16).id,
        replace(REQUEST, number=2).id,
    }
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "alert"}, "kind must be"),
        ({"schema_version": 2}, "schema_version 1"),
        ({"id": "0" * 16}, "its id is not that of"),
        ({"policy": "always"}, "policy must be one of suggest, auto"),
        ({"timestamp": "yesterday"}, "isoformat"),
        ({"drifted": None}, "not subscriptable"),
    ],
)
def test_what_is_no_request_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        from_json({**to_json(REQUEST), **change})


@pytest.mark.parametrize("nothing", [None, [], "text", {}, {"kind": "retrain_request"}])
def test_other_documents_are_refused(nothing: object) -> None:
    with pytest.raises(DataError, match="this is not a retraining request"):
        from_json(nothing)
