"""The contract of every drift detector."""

import math

import numpy as np
import pytest

from models.distribution import bucket_index
from models.reference import Reference
from monitor.drift.blocks import Block, Position
from monitor.drift.detectors import ADVISORY, DETECTORS, Detector, DetectorSettings
from monitor.drift.judge_state import decode, encode
from monitor.stream.records import Partition
from tests.asked import Asked

P0 = Partition("t", 0)
ALL = DETECTORS | ADVISORY
PROMISES_NOTHING = {"adwin"}
"""Early signals: of one stage, and they page nobody. Other detectors are held to everything."""
"""An advisory one compares the stream with itself: it promises nothing, and forgets when
restarted."""


def errors(n: int, seed: int, scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(seed).lognormal(size=n)


def blocks(values: np.ndarray, reference: Reference, first: int = 0, rows: int = 64) -> list[Block]:
    return [
        Block(
            partitions=(P0,),
            partition=np.zeros(len(values[i : i + rows]), dtype=np.int64),
            buckets=bucket_index(values[i : i + rows] / reference.unit),
            start=Position(first + i, first + i, {P0: first + i}),
            last_timestamp=first + i + rows - 1,
            ended_by_time=False,
        )
        for i in range(0, len(values), rows)
    ]


def watch(detector: Detector, stream: list[Block], records: float = 1e4) -> int | None:
    """The number of the block after which drift is suspected, from 1."""
    for number, block in enumerate(stream, 1):
        if detector.watch(block, records, learn=True).drifting:
            return number
    return None


STREAMS = {
    "unchanged": errors(5120, seed=21),
    "doubled": errors(5120, seed=22, scale=2.0),
    "a quarter larger": errors(5120, seed=23, scale=1.25),
    "a quarter smaller": errors(5120, seed=24, scale=0.75),
    "narrower": np.sqrt(errors(5120, seed=25)),
}
"""Errors after 80 blocks of normal ones."""


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference.calibrate(errors(20_000, seed=1), ordered=True)


@pytest.fixture(params=sorted(ALL))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def detector(name: str, reference: Reference) -> Detector:
    return ALL[name](reference, DetectorSettings(tolerance=0.05))


FOUND_AFTER: Asked[dict[str, int | None]] = Asked(
    "tests/monitor/drift/detectors/test_detectors.py: add the blocks after which detector {}"
    " suspects each of STREAMS to FOUND_AFTER",
    {
        "betting": {"unchanged": None, "doubled": 1, "a quarter larger": 9,
                    "a quarter smaller": 3, "narrower": 2},
        "binomial": {"unchanged": None, "doubled": 12, "a quarter larger": 44,
                     "a quarter smaller": 44, "narrower": 24},
        "adwin": {"unchanged": 34, "doubled": 1, "a quarter larger": 6,
                  "a quarter smaller": 3, "narrower": None},
    },
)  # fmt: skip
"""From 1, counted from the change; None for never. Seeded, so exact."""


@pytest.mark.parametrize("stream", STREAMS)
def test_a_named_stream_is_suspected_after_exactly_so_many_blocks(
    name: str, detector: Detector, reference: Reference, stream: str
) -> None:
    watch(detector, blocks(errors(5120, seed=20), reference))
    changed = blocks(STREAMS[stream], reference, first=5120)
    assert watch(detector, changed) == FOUND_AFTER[name][stream]


def test_before_any_block_nothing_is_found(detector: Detector) -> None:
    assert detector.finding().direction == "none"
    assert detector.dependence >= 1


def test_a_normal_stream_is_not_suspected(detector: Detector, reference: Reference) -> None:
    assert watch(detector, blocks(errors(5120, seed=2), reference)) is None


@pytest.mark.parametrize(("scale", "direction"), [(1.5, "larger"), (0.66, "smaller")])
def test_a_shift_is_found_and_its_direction_is_told(
    detector: Detector, reference: Reference, scale: float, direction: str
) -> None:
    watch(detector, blocks(errors(5120, seed=3), reference))
    shifted = blocks(errors(5120, seed=4, scale=scale), reference, first=5120)
    found = watch(detector, shifted)
    assert found is not None
    assert found <= 40
    assert detector.finding().direction == direction
    assert detector.finding().words


def test_a_shift_is_confirmed_by_fresh_blocks_and_a_passing_one_is_not(
    name: str, detector: Detector, reference: Reference
) -> None:
    if name in ADVISORY:  # it has one stage, and pages nobody
        assert name in PROMISES_NOTHING
        return
    stream = blocks(errors(5120, seed=5, scale=2.0), reference)
    assert watch(detector, stream) is not None
    detector.begin_confirmation()
    confirmations = [detector.confirm(b, 100.0).drifting for b in stream[40:60]]
    assert any(confirmations)

    detector.restart()
    assert watch(detector, stream) is not None
    detector.begin_confirmation()
    normal = blocks(errors(5120, seed=6), reference)
    assert not any(detector.confirm(block, 100.0).drifting for block in normal)


def test_a_restart_forgets_all_evidence(detector: Detector, reference: Reference) -> None:
    watch(detector, blocks(errors(2560, seed=5), reference))
    watch(detector, blocks(errors(2560, seed=5, scale=2.0), reference))
    detector.restart()
    assert detector.finding().direction == "none"


@pytest.mark.parametrize("value", [0.0, 1.0, 1e300])
def test_wild_errors_give_finite_evidence(
    detector: Detector, reference: Reference, value: float
) -> None:
    for block in blocks(np.full(5120, value), reference):
        evidence = detector.watch(block, 1e4, learn=True)
        assert math.isfinite(evidence.statistic)
        assert math.isfinite(evidence.threshold)


def test_errors_that_are_all_the_same_are_drift(
    name: str, detector: Detector, reference: Reference
) -> None:
    watch(detector, blocks(errors(5120, seed=7), reference))
    found = watch(detector, blocks(np.full(5120, 1.4), reference, first=5120))
    assert found is not None or name in PROMISES_NOTHING


def test_multiplying_all_errors_changes_nothing(name: str, reference: Reference) -> None:
    stream = np.concatenate([errors(5120, seed=8), errors(2560, seed=9, scale=1.5)])
    statistics = []
    for factor in (1.0, 1000.0, 1e-7):
        scaled = Reference.calibrate(reference.in_order * factor, ordered=True)
        detector = ALL[name](scaled, DetectorSettings(0.05))
        seen = [
            detector.watch(block, 1e4, learn=True).statistic
            for block in blocks(stream * factor, scaled)
        ]
        statistics.append(seen)
    assert statistics[1] == pytest.approx(statistics[0], rel=1e-9)
    assert statistics[2] == pytest.approx(statistics[0], rel=1e-9)


def test_the_order_of_rows_within_a_block_changes_nothing(name: str, reference: Reference) -> None:
    values = errors(2560, seed=10, scale=1.3)
    rng = np.random.default_rng(0)
    permuted = np.concatenate([rng.permutation(values[i : i + 64]) for i in range(0, 2560, 64)])
    results = []
    for stream in (values, permuted):
        detector = ALL[name](reference, DetectorSettings(0.05))
        results.append(
            [detector.watch(b, 1e4, learn=True).statistic for b in blocks(stream, reference)]
        )
    assert results[0] == results[1]


@pytest.mark.parametrize("confirming", [False, True])
def test_a_restored_detector_goes_on_alike_to_the_byte(
    name: str, reference: Reference, confirming: bool
) -> None:
    stream = blocks(errors(5120, seed=11, scale=1.2), reference)
    subject = ALL[name](reference, DetectorSettings(0.05))
    watch(subject, stream[:30], records=1e9)
    if confirming:
        subject.begin_confirmation()
    other = ALL[name](reference, DetectorSettings(0.05))
    other.restore(decode(encode(subject.state())))
    if name in ADVISORY:
        assert name in PROMISES_NOTHING
        assert other.finding().direction == "none"
        return
    for block in stream[30:]:
        for each in (subject, other):
            if confirming:
                each.confirm(block, 100.0)
            else:
                each.watch(block, 1e9, learn=True)
    assert encode(subject.state()) == encode(other.state())


def test_too_few_calibration_errors_are_refused(name: str) -> None:
    few = Reference.calibrate(errors(13, seed=12))
    if name in ADVISORY:
        assert name in PROMISES_NOTHING
        return
    with pytest.raises(ValueError, match=r"20 errors or more, got 13|too few"):
        ALL[name](few, DetectorSettings(0.05))
