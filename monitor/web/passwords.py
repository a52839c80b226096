"""Users and their passwords, as bcrypt hashes.

A hash of cost 12 takes a quarter of a second. So hashes are computed on a thread of their own, a
pair that was right is remembered, and only so many may wait.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import Counter, OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import bcrypt

REMEMBERED: Final = 100
"""Pairs of user and password that were right."""
WAITING: Final = 32
WAITING_FROM_ONE: Final = 4
"""Hashes that may wait in all, and for one client address."""
LONGEST_BYTES: Final = 72
"""bcrypt looks at no more of a password."""


class BusyError(Exception):
    """Too many passwords wait to be checked."""


class Passwords:
    """The users who may come in. hashes: bcrypt, by user.

    What is remembered is a keyed digest, never a password. All methods are called on one event
    loop.
    """

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._hashes = {user: text.encode("ascii") for user, text in hashes.items()}
        # Somebody without an account waits as long as somebody with one.
        cost = max((cost_of(text) for text in hashes.values()), default=10)
        self._nobody = bcrypt.gensalt(cost) + b"." * 31
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._waiting: Counter[str] = Counter()
        self._hashing = ThreadPoolExecutor(1, "bcrypt")

    async def right(self, user: str, password: bytes, client: str) -> bool:
        """Whether this is the user's password. client: the address that asks.

        Raises BusyError if too many wait already.
        """
        digest = self._digest(user, password)
        if digest in self._right:
            self._right.move_to_end(digest)
            return True
        right = await self._hashed(user, password, client)
        if right:
            self._right[digest] = None
            if len(self._right) > REMEMBERED:
                self._right.popitem(last=False)
        return right

    def close(self) -> None:
        """Hash no more."""
        self._hashing.shutdown(wait=False, cancel_futures=True)

    async def _hashed(self, user: str, password: bytes, client: str) -> bool:
        if self._waiting.total() >= WAITING or self._waiting[client] >= WAITING_FROM_ONE:
            raise BusyError
        self._waiting[client] += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._hashing, self._check, user, password)
        finally:
            self._waiting[client] -= 1
            self._waiting += Counter()  # forgets addresses that wait for nothing

    def _check(self, user: str, password: bytes) -> bool:
        known = user in self._hashes and len(password) <= LONGEST_BYTES
        matches = bcrypt.checkpw(
            password[:LONGEST_BYTES], self._hashes[user] if known else self._nobody
        )
        return matches and known

    def _digest(self, user: str, password: bytes) -> bytes:
        name = hashlib.sha256(user.encode("utf-8", "surrogatepass")).digest()
        return hmac.digest(self._key, name + password, "sha256")


def cost_of(text: str) -> int:
    """The cost of a bcrypt hash: its rounds are 2 to this power."""
    return int(text.split("$")[2])
