"""Scores of files, in parts."""

import numpy as np
import pytest

from benchmarks.bench.kinds import PICTURE_224, vector
from models.bundle import load
from monitor.commands.score_file import written
from monitor.datasets import Dataset
from monitor.pipeline import offline
from monitor.pipeline.findings import Findings
from monitor.pipeline.scorer import Scorer
from monitor.stream.records import Scores

KIND = vector(16)
ROWS = 20_000


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("offline") / "model"
    KIND.save(folder)
    return Scorer(load(folder), "cpu")


def parts(records, *ends):
    for start, stop in zip((0, *ends), (*ends, len(records)), strict=True):
        index = np.arange(start, stop, dtype=np.int64)
        yield Dataset(records[start:stop], (), (), index)


def test_however_the_records_come_their_errors_are_the_same_bits(scorer):
    records = KIND.rows(ROWS, 3)
    whole = scorer.score(records)
    for ends in ((), (1, 700, 701), (8192,), (5000, 19_999)):
        found = offline.score(scorer, parts(records, *ends), "here")
        np.testing.assert_array_equal(found.reconstruction_error, whole.reconstruction_error)
        np.testing.assert_array_equal(found.anomalous, whole.anomalous)
        np.testing.assert_array_equal(found.p_value, whole.p_value)


def test_a_part_is_some_batches_of_the_scorer_and_small_if_records_are_large(scorer, tmp_path):
    batch = scorer.about["micro_batch"]
    assert offline.size_for(scorer) % batch == 0
    assert batch <= offline.size_for(scorer) <= 8192
    PICTURE_224.save(tmp_path / "model")
    large = Scorer(load(tmp_path / "model"), "cpu", micro_batch=4)
    assert offline.size_for(large) == 108  # 2^24 numbers are 111 pictures, 27 batches


def scores(errors):
    errors = np.array(errors, dtype=np.float64)
    return Scores(errors, lambda e: 1 / (1 + e), errors > 5, "0" * 16)


def test_the_highest_errors_of_all_parts_are_kept_the_earlier_of_two_equal_ones_first():
    findings = Findings(4)
    errors = [1.0, 9.0, 3.0, 7.0, 2.0, 9.0, 8.0, 0.5]
    records = np.arange(8.0)[:, None]
    for data in parts(records, 3, 4):
        findings.add(data, scores([errors[i] for i in data.index]))
    assert [row.name for row in findings.top] == [f"record {i}" for i in (1, 5, 6, 3)]
    assert findings.top_records[:, 0].tolist() == [1, 5, 6, 3]
    assert [row.p_value for row in findings.top] == [1 / 10, 1 / 10, 1 / 9, 1 / 8]
    assert (findings.count, findings.anomalous, findings.largest) == (8, 4, 9.0)


def test_fewer_records_than_were_asked_for_are_all_listed():
    findings = Findings(12)
    findings.add(*next((data, scores([1.0, 2.0])) for data in parts(np.ones((2, 1)))))
    assert [row.error for row in findings.top] == [2.0, 1.0]


def test_quantiles_are_within_half_a_percent():
    errors = np.random.default_rng(0).lognormal(size=50_000)
    findings = Findings(1)
    for data in parts(errors[:, None], 20_000):
        findings.add(data, scores(errors[data.index]))
    exact = np.quantile(errors, (0.5, 0.9, 0.99), method="inverted_cdf")
    np.testing.assert_allclose(findings.quantiles((0.5, 0.9, 0.99)), exact, rtol=0.005)


def test_an_error_that_is_not_finite_is_the_largest():
    findings = Findings(1)
    findings.add(*next((data, scores([1.0, np.inf])) for data in parts(np.ones((2, 1)))))
    assert findings.largest == np.inf
    assert findings.top[0].name == "record 1"


@pytest.mark.parametrize("name", ["scores.csv", "scores.parquet"])
def test_what_was_there_stays_if_scoring_fails(name, tmp_path):
    path = tmp_path / name
    path.write_text("before")
    with pytest.raises(KeyError), written(path) as write:
        write(next(parts(np.ones((2, 1)))), scores([1.0, 2.0]))
        raise KeyError
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
