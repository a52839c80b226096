"""The network client within a consumer, producer or admin client of kafka-python."""

from __future__ import annotations

from typing import Any


def network_client(**settings: Any) -> Any:
    """The network client of a consumer, producer or admin client, made by us.

    A client's constructor takes one (option `kafka_client`), but the class of it is private. A
    constructor that fails keeps to itself what it has made (3.0.12): this is how we know it.
    """
    from kafka.net.compat import KafkaNetClient

    return KafkaNetClient(**settings)


def free_network(network: Any) -> None:
    """End the thread and close the sockets of a network client.

    A constructor that cannot reach the broker leaves them behind (3.0.12): an outage of an hour
    would use up the process's file descriptors.
    """
    network.close()


def note_failures(network: Any, reasons: list[Exception]) -> None:
    """Collect why connections fail.

    The library writes it into its log and nowhere else (3.0.12): a constructor only says that
    time is up.
    """
    manager = network._manager
    get_connection = manager.get_connection

    def noting(*arguments: Any, **settings: Any) -> Any:
        connection = get_connection(*arguments, **settings)
        connection.init_future.add_errback(reasons.append)
        return connection

    manager.get_connection = noting


def keep_last_words(network: Any) -> None:
    """Have the network client's own connections hand over what came before the other end closed.

    kafka-python throws it away (3.0.12), and a broker that refuses a login closes right after it
    said so: nearly always all we would see is "socket disconnected".
    """
    manager = network._manager
    build = manager._build_transport

    async def build_patient(*arguments: Any, **settings: Any) -> Any:
        transport = await build(*arguments, **settings)
        receive = transport._sock_recv

        def receive_all() -> tuple[bytes, Exception | None]:
            data, error = receive()
            # The end of the stream is still there to be seen at the next call.
            return (data, None) if data else (data, error)

        transport._sock_recv = receive_all
        return transport

    manager._build_transport = build_patient
