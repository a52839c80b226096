"""A payload that claims gigabytes gets room for what it has, not for what it claims."""

import subprocess
import sys

import pytest

from tests import share
from tests.fuzz.claims import CLAIMS, SIZES, claims, in_a_process

ALLOWED = 64 * 2**20
"""Bytes of address space for all payloads together, a thirtieth of the smallest claim."""
EVERY = 1 if share.LONG else 23


@pytest.mark.parametrize("codec", CLAIMS)
def test_no_room_is_made_for_what_is_only_claimed(codec: str) -> None:
    found = in_a_process(codec, EVERY)
    assert found.endings.total() > 900
    assert found.asked < ALLOWED
    assert found.held < ALLOWED


UNTOUCHED = f"""
import numpy as np
from tests.fuzz.claims import address_space

before = address_space("VmPeak")
room = np.empty({SIZES[0]}, dtype=np.uint8)
print(address_space("VmPeak") - before)
"""


def test_room_that_is_never_touched_is_seen() -> None:
    # In a process that has never had more: a peak is not told twice.
    done = subprocess.run([sys.executable, "-c", UNTOUCHED], capture_output=True, check=True)
    assert int(done.stdout) > ALLOWED


def test_claims_stand_where_the_format_has_its_numbers() -> None:
    assert b"\x01\xff\xff\xff\xff\x07\x03" in set(claims("protobuf", b"\x01\x02\x03"))
    assert b"abcd\xff\xff\xff\x7fijkl" in set(claims("arrow", b"abcdefghijkl"))
