"""What a topic refuses within a transaction: it is known in the next one."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from monitor.stream.events import Event
from monitor.stream.sinks.deliveries import Deliveries, Delivery, Failure, State
from monitor.stream.sinks.fitting import OVERHEAD_BYTES, fit

log = structlog.get_logger(__name__)


class KnowsRefused(Deliveries):
    """A sink whose transaction ends with the first message that its topic refuses.

    In the next one the largest go without their value; what is refused even so is dropped, or is
    in the way for good, as `Topics.drop_refused` says.
    """

    _taken: dict[str, int]
    _impossible: set[bytes]

    def _know_nothing(self) -> None:
        self._taken, self._impossible = {}, set()

    def _possible(self, events: Iterable[Event]) -> list[Event]:
        """Without those that were dropped."""
        return [event for event in events if event.identity not in self._impossible]

    def _fitting(self, event: Event) -> Event:
        most = self._topics.max_message_bytes
        return fit(event, min(most, self._taken.get(event.kind, most)))

    def _before_failing(self) -> None:
        """A client that takes nothing more may do so for a message that was refused."""
        sent = (delivery for delivery in self._pending if delivery.state is State.SENT)
        self._too_large([delivery for delivery in sent if _is_too_large(self._outcome(delivery))])

    def _too_large(self, refused: list[Delivery]) -> None:
        """A topic that takes less than we were told refuses a whole batch for one message in it."""
        for kind in {delivery.event.kind for delivery in refused}:
            largest = max(d.bytes for d in refused if d.event.kind == kind)
            if largest + OVERHEAD_BYTES > self._taken.get(kind, largest + OVERHEAD_BYTES):
                # Without values already: there is no smaller form.
                self._refuse_all([d for d in refused if d.event.kind == kind])
            self._taken[kind] = largest + OVERHEAD_BYTES - 1
        if refused:
            log.warning(
                "a topic takes less than outputs.max_message_bytes: larger messages are published"
                " without their value from now on",
                bytes=min(self._taken.values()),
            )
            raise self._failed(refused[0].event.kind, "messages are larger than it takes")

    def _refuse_all(self, refused: list[Delivery]) -> None:
        for delivery in refused:
            if delivery.event.identity not in self._impossible:
                self._refuse(delivery)
                self._impossible.add(delivery.event.identity)


def _is_too_large(outcome: Failure | bool) -> bool:
    return isinstance(outcome, Failure) and outcome.too_large
