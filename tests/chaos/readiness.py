"""Green means watched: once a second, what the daemons say is held against the broker.

ready    no member says so while a partition of its own holds records that it has not decided
         on, and it has decided on none of them, for longer than it may
lag      no member says 0 for such a partition, for longer than it may

Only what was seen counts: a member that was started anew says what it says for the first time, and
after a gap between two looks nobody knows what was said in between.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from tests.chaos.member import Member

EVERY_SECONDS = 1.0
ANSWER_SECONDS = 2.0
GAP_SECONDS = 10.0
"""Between two looks, after which what is wrong counts from the second."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a member said of a partition of its own. next_offset: that it has not decided on."""

    ready: bool
    next_offset: int
    lag: int | None


@dataclass
class Standing:
    """For how long a member has said the same wrong thing of a partition."""

    since: float
    next_offset: int


@dataclass
class Watch:
    """Finds what is wrong in samples. allowed_seconds: for which anything may be."""

    allowed_seconds: float
    faults: list[str] = field(default_factory=list)
    samples: int = 0
    _sampled: float = field(default=float("-inf"))
    _standing: dict[tuple[str, str, int], Standing] = field(default_factory=dict)

    def sample(
        self, now: float, ends: Mapping[int, int], said: Mapping[str, Mapping[int, Seen]]
    ) -> None:
        """Take in what all members said of their partitions. ends: of the partitions.

        said: by each process; a member that was started anew is another one.
        """
        self.samples += 1
        if now - self._sampled > GAP_SECONDS:
            self._standing = {}
        self._sampled = now
        wrong: dict[tuple[str, str, int], Standing] = {}
        for member, partitions in said.items():
            for number, seen in partitions.items():
                if ends.get(number, 0) <= seen.next_offset:
                    continue
                for what, holds in (("ready", seen.ready), ("lag 0", seen.lag == 0)):
                    if holds:
                        self._note((member, what, number), seen, now, wrong)
        self._standing = wrong

    def _note(
        self,
        key: tuple[str, str, int],
        seen: Seen,
        now: float,
        wrong: dict[tuple[str, str, int], Standing],
    ) -> None:
        standing = self._standing.get(key)
        if standing is None or standing.next_offset != seen.next_offset:
            standing = Standing(now, seen.next_offset)
        wrong[key] = standing
        seconds = now - standing.since
        if seconds > self.allowed_seconds:
            member, what, number = key
            clock = time.strftime("%H:%M:%S", time.gmtime())
            self.faults.append(
                f"{clock} {member} says {what} of partition {number} for {seconds:.0f} s, stands"
                f" at {seen.next_offset}, and there is more"
            )
            print(self.faults[-1], flush=True)


class Sampler(threading.Thread):
    """Samples while it runs."""

    def __init__(
        self, servers: str, topic: str, partitions: int, members: Sequence[Member], watch: Watch
    ) -> None:
        super().__init__(name="sampler", daemon=True)
        self._servers = servers
        self._places = [TopicPartition(topic, number) for number in range(partitions)]
        self._members = members
        self._ending = threading.Event()
        self.watch = watch

    def run(self) -> None:
        """Look once a second; a look without the broker's word counts for nothing."""
        while not self._ending.is_set():
            with suppress(KafkaError, OSError, AssertionError), closing(self._consumer()) as kafka:
                while not self._ending.wait(EVERY_SECONDS):
                    said = dict(_said(m) for m in self._members if m.running)
                    # After what they said: nobody can have decided on more than there is.
                    ends = kafka.end_offsets(self._places, timeout_ms=2000)
                    known = {place.partition: end for place, end in ends.items()}
                    self.watch.sample(time.monotonic(), known, said)
            self._ending.wait(EVERY_SECONDS)

    def _consumer(self) -> KafkaConsumer:
        return KafkaConsumer(bootstrap_servers=self._servers.split(","), group_id=None)

    def finish(self) -> None:
        """Stop, and say what was wrong. Raises AssertionError if anything was."""
        self._ending.set()
        self.join(30)
        print(f"looked {self.watch.samples} times whether green means watched")
        assert self.watch.samples, "nobody was ever looked at"
        assert not self.watch.faults, "\n".join(self.watch.faults[:20])


def _said(member: Member) -> tuple[str, dict[int, Seen]]:
    """Who says what of its partitions."""
    url = member.url
    return f"{member.name} at {url}", seen_at(url)


def seen_at(url: str | None) -> dict[int, Seen]:
    """What a daemon says of its partitions; nothing if it does not answer."""
    status = None if url is None else _asked(f"{url}/api/status")
    if status is None or not status.get("drift"):
        return {}
    ready = _answers(f"{url}/-/ready")
    return {
        each["partition"]: Seen(ready, each["next_offset"], each["lag_records"])
        for each in status["partitions"]
        if each["assigned"]
    }


def _asked(url: str) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (OSError, http.client.HTTPException, ValueError):  # it ends, or has ended
        return None


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
            return int(answer.status) == 200
    except (OSError, http.client.HTTPException):
        return False
