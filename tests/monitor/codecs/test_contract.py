"""The contract that others test their codecs with: ours keep it, and it sees what breaks it."""

import time

import numpy as np
import pytest

from models.schema import Schema
from monitor.codecs import CODECS, CodecSettings
from monitor.codecs.contract import ContractError, check
from monitor.codecs.raw import RawCodec
from monitor.errors import DecodeError
from tests.fuzz.seeds import VARIANTS, seeds
from tests.monitor.codecs.carried import CARRIED

ROWS = np.random.default_rng(0).integers(0, 100, (5, 3)).astype(np.float32)


@pytest.mark.parametrize("name", CODECS)
def test_our_own_codecs_keep_the_contract(name):
    shape = CARRIED[name].shapes[-1]
    rows = np.random.default_rng(0).integers(0, 256, (3, *shape)).astype(np.uint8)
    check(CODECS[name](CodecSettings(shape, "uint8")), rows, edits=200)


@pytest.mark.parametrize("name", [name for name in CODECS if len(VARIANTS[name]) > 4])
def test_codecs_by_name_keep_it_with_names(name):
    variant = next((v for v in VARIANTS[name] if v.settings.features.names), None)
    if variant is None:
        assert not CARRIED[name].names
        return
    names = variant.settings.features
    codec = CODECS[name](variant.settings)
    check(codec, ROWS.astype(np.float64), seeds(variant)[:2], names, edits=200)


class Broken(RawCodec):
    """A codec that breaks the contract in the way it is told to."""

    def __init__(self, fault):
        super().__init__(CodecSettings((3,)))
        self.fault = fault
        self.calls = 0

    def decode(self, value):
        self.calls += 1
        if self.fault == "another exception" and len(value) % 12:
            raise KeyError(value)
        if self.fault == "a long text" and len(value) % 12:
            raise DecodeError("undecodable", "x" * 500)
        if self.fault == "refused":
            raise DecodeError("undecodable", "no")
        if self.fault == "slow" or (self.fault == "slow once" and self.calls == 3):
            until = time.thread_time() + 1.1
            while time.thread_time() < until:
                pass
        rows = super().decode(value)
        if self.fault == "changed":
            return rows + 1
        if self.fault == "big-endian" and self.calls > 5:
            return rows.astype(">f4")
        if self.fault == "another shape" and self.calls > 5:
            return rows.reshape(-1, 1)
        return rows

    def decode_many(self, values):
        many = super().decode_many(values)
        return many._replace(rows=many.rows * 2) if self.fault == "another in a batch" else many


FAULTS = {
    "another exception": "instead of DecodeError", "a long text": "reason or length",
    "refused": "is refused", "slow": "more than 1 seconds", "changed": "does not come back",
    "big-endian": "no native number", "another shape": "rows of shape",
    "another in a batch": "in a batch",
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_way_to_break_it_is_seen(fault):
    with pytest.raises(ContractError, match=FAULTS[fault]):
        check(Broken(fault), ROWS, edits=100)


def test_a_pause_of_the_machine_is_not_the_codecs():
    check(Broken("slow once"), ROWS, edits=10)


def test_a_payload_that_should_be_read_is_asked_for():
    check(Broken("nothing"), ROWS, [ROWS[0].tobytes()], Schema(), edits=50)
    with pytest.raises(ContractError, match="a payload that is all right is refused"):
        check(Broken("nothing"), ROWS, [b"odd"], edits=1)
