"""The faults, one method each. A fault ends within a bounded time and leaves all running."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

from monitor.process import failpoints
from monitor.version import __version__
from tests.chaos.ledger import Feeder
from tests.chaos.member import Member
from tests.chaos.models import Models
from tests.kafka.cluster import Cluster

SESSION_SECONDS = 6.0
SLOW_BYTES = 500
"""A second of what the daemons send, while an output is slow: a few letters."""
CLIENT_ID = f"aead-monitor-{__version__}"
KILLING_PLACES = tuple(
    p for p in failpoints.PLACES if p not in ("sink", "snapshot_write", *failpoints.SWAP_PLACES)
)


KINDS = (
    "killed", "killed_at_a_step", "broker_killed", "frozen", "guest_comes_or_goes", "disk_full",
    "sink_fails", "leaders_away", "brokers_moved", "fenced_by_a_twin", "output_slow",
    "state_copied", "state_removed", "clocks_wild", "model_swapped",
)  # fmt: skip


class Faults:
    """Draws faults: each kind once before any comes again.

    members: the two that stay. guest: the third, which comes and goes. twin: of the first, with
    the same instance; it runs only within a fault. settle: returns once all that was sent is final.
    order: names of the kinds that come next, last first; drawn anew when there are none.
    everyone: whose books count; a daemon that a fault brings is added.
    """

    def __init__(
        self,
        rng: random.Random,
        cluster: Cluster,
        members: list[Member],
        guest: Member,
        twin: Member,
        feeder: Feeder,
        models: Models,
        settle: Callable[[], None],
        order: list[str],
        everyone: list[Member],
    ) -> None:
        self._rng = rng
        self._cluster = cluster
        self._members = members
        self._guest = guest
        self._twin = twin
        self._feeder = feeder
        self._models = models
        self._settle = settle
        self._order = order
        self._everyone = everyone

    def draw(self) -> str:
        """One fault; returns what it was."""
        if not self._order:
            self._order.extend(self._rng.sample(KINDS, len(KINDS)))
        fault: Callable[[], str] = getattr(self, self._order.pop())
        return fault()

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

    def leaders_away(self) -> str:
        """Two of three brokers are gone: most partitions have nobody who may write or lead."""
        gone = self._rng.sample(range(3), 2)
        for number in gone:
            self._cluster.kill(number)
        seconds = self._rng.uniform(1, 12)
        time.sleep(seconds)
        self._cluster.restart(*gone)
        return f"brokers {gone} away for {seconds:.1f} s"

    def brokers_moved(self) -> str:
        """All brokers come back on other ports, behind addresses that stay."""
        self._cluster.move()
        return "all brokers moved"

    def fenced_by_a_twin(self) -> str:
        """A second daemon of the same instance takes the first one's place, and leaves it."""
        first = self._members[0]
        self._twin.start()
        time.sleep(self._rng.uniform(5, 10))
        self._twin.stop()
        first.kill()
        first.start()
        return f"{first.name} fenced by a twin"

    def output_slow(self) -> str:
        """The brokers take what daemons send at a few hundred bytes a second."""
        self._cluster.throttle(CLIENT_ID, SLOW_BYTES)
        seconds = self._rng.uniform(5, 15)
        time.sleep(seconds)
        self._cluster.throttle(CLIENT_ID, None)
        return f"outputs slow for {seconds:.1f} s"

    def state_copied(self) -> str:
        """Another daemon begins with a copy of a state that has gone further meanwhile."""
        member = self._rng.choice(self._members)
        member.kill()
        if not member.has_state:
            member.start()
            return f"{member.name} has no state to copy"
        copy = member.copied()
        member.start()
        self._feeder.send(300)
        self._settle()
        if member.sequence == copy.sequence:
            return f"{member.name}'s state copied, and it had nothing to do since"
        # It is a member like any other from now on: what it counts is in the books.
        copy.forget_copied()
        self._everyone.append(copy)
        copy.start()
        self._feeder.send(200)
        time.sleep(self._rng.uniform(6, 10))
        copy.stop()
        return f"{member.name}'s state copied"

    def state_removed(self) -> str:
        """A running daemon's folder is gone: it makes nothing final until it is started anew."""
        member = self._rng.choice(self._members)
        member.start()
        self._settle()  # so that what was counted is what the folder says
        member.remove_state()
        self._feeder.send(200)
        time.sleep(self._rng.uniform(2, 6))
        assert not member.made_final_since_removed(), f"{member.name} counts without its folder"
        member.kill()
        member.start()
        return f"{member.name}'s state removed"

    def clocks_wild(self) -> str:
        """Producers' clocks are in other units, years away, or stand, until the next change."""
        return f"clocks {self._feeder.turn_clocks(self._rng)}"

    def model_swapped(self) -> str:
        """Another version of the model takes its place."""
        return f"model {self._models.swap()}"

    def _ordered(self, order: str, what: str) -> str:
        member, seconds = self._rng.choice(self._members), self._rng.uniform(1, 6)
        member.order(order)
        time.sleep(seconds)
        member.order("")
        return f"{member.name}: {what}, {seconds:.1f} s"
