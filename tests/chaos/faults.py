"""The faults, one method each. A fault ends within a bounded time and leaves all running."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

from monitor.process import failpoints
from tests.chaos.member import Member
from tests.kafka.cluster import Cluster

SESSION_SECONDS = 6.0
KILLING_PLACES = tuple(
    p for p in failpoints.PLACES if p not in ("sink", "snapshot_write", *failpoints.SWAP_PLACES)
)


class Faults:
    """Draws faults. members: the two that stay; guest: the third, which comes and goes."""

    def __init__(
        self, rng: random.Random, cluster: Cluster, members: list[Member], guest: Member
    ) -> None:
        self._rng = rng
        self._cluster = cluster
        self._members = members
        self._guest = guest
        self.kinds: tuple[Callable[[], str], ...] = (
            self.killed, self.killed_at_a_step, self.killed_at_a_step, self.broker_killed,
            self.frozen, self.guest_comes_or_goes, self.disk_full, self.sink_fails,
        )  # fmt: skip

    def draw(self) -> str:
        """One fault; returns what it was."""
        return self._rng.choice(self.kinds)()

    def killed(self) -> str:
        """A daemon dies somewhere."""
        member = self._rng.choice(self._members)
        member.kill()
        down = self._rng.uniform(0, 2 * SESSION_SECONDS) * self._rng.choice([0, 0.3, 1])
        time.sleep(down)
        member.start()
        return f"{member.name} killed, down {down:.1f} s"

    def killed_at_a_step(self) -> str:
        """A daemon dies between two named steps."""
        member, place = self._rng.choice(self._members), self._rng.choice(KILLING_PLACES)
        member.order(f"{place} kill")
        dead = member.wait_for_death(20)
        time.sleep(self._rng.choice([0, 0, 1.2 * SESSION_SECONDS]))
        member.start()
        return f"{member.name} killed at {place}" if dead else f"{member.name} never at {place}"

    def broker_killed(self) -> str:
        """A broker dies and comes back."""
        number = self._rng.randrange(3)
        self._cluster.kill(number)
        time.sleep(self._rng.uniform(0, 4))
        self._cluster.restart(number)
        return f"broker {number} killed and restarted"

    def frozen(self) -> str:
        """A daemon does nothing for longer than its session lasts, and then goes on."""
        member = self._rng.choice(self._members)
        member.signal(signal.SIGSTOP)
        time.sleep(SESSION_SECONDS + self._rng.uniform(1, 4))
        member.signal(signal.SIGCONT)
        return f"{member.name} frozen past its session"

    def guest_comes_or_goes(self) -> str:
        """A third daemon joins or leaves, with or without a farewell."""
        if not self._guest.running:
            self._guest.start()
            return "the guest joins"
        if self._rng.random() < 0.5:
            self._guest.kill()
            return "the guest is killed"
        return f"the guest leaves in {self._guest.stop():.1f} s"

    def disk_full(self) -> str:
        """No snapshot can be written for a while."""
        return self._ordered("snapshot_write fail", "no disk for snapshots")

    def sink_fails(self) -> str:
        """Nothing can be published for a while: it fails, or hangs."""
        action = self._rng.choice(["fail", "hang"])
        return self._ordered(f"sink {action}", f"the sink does: {action}")

    def _ordered(self, order: str, what: str) -> str:
        member, seconds = self._rng.choice(self._members), self._rng.uniform(1, 6)
        member.order(order)
        time.sleep(seconds)
        member.order("")
        return f"{member.name}: {what}, {seconds:.1f} s"
