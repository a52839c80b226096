"""A real Apache Kafka broker for the tests: one process, broker and controller in one (KRaft)."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.kafka.process import ServerProcess, free_ports

JARS = Path(__file__).parents[2] / ".tools" / "kafka" / "libs"
HOST = "127.0.0.1"
START_SECONDS = 60.0
TOOL_SECONDS = 60.0
MAX_MESSAGE_BYTES = 32 * 2**20

HEAP = "512m"
JVM = (
    # Tests pay for the start of the JVM, not for its peak speed.
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


@dataclass(frozen=True)
class Place:
    """Where a broker stands in its cluster.

    voters: port of each node's controller, by the node's number; a node that is none of them is a
    broker alone.
    """

    cluster_id: str
    node: int
    port: int
    voters: Mapping[int, int]


def alone() -> Place:
    """The place of a broker that is a cluster of its own."""
    port, controller_port = free_ports(2)
    return Place(new_cluster_id(), 1, port, {1: controller_port})


def new_cluster_id() -> str:
    """An id that no cluster has, in the form that Kafka wants."""
    cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # A leading hyphen would be taken for an option.
    return "A" + cluster_id[1:] if cluster_id.startswith("-") else cluster_id


class Broker:
    """A broker on free ports of 127.0.0.1, with its data in `folder`.

    settings: added to server.properties, and stronger than what is there. place: where it stands
    in a cluster; without it, it is one of its own. The ports and the data stay the same over stop
    or kill and start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        auto_create_topics: bool = False,
        settings: Mapping[str, str] | None = None,
        place: Place | None = None,
        heap: str = HEAP,
    ) -> None:
        self._place = place or alone()
        self._heap = heap
        self.data = folder / "data"
        self._properties = folder / "server.properties"
        self._settings = {
            **_storage(self.data),
            **_single_node(),
            "auto.create.topics.enable": str(auto_create_topics).lower(),
            **(settings or {}),
        }
        _write(self._properties, {**_network(self._place), **self._settings})
        command = [*_java(heap), "kafka.Kafka", str(self._properties)]
        self._process = ServerProcess(command, folder / "broker.log")
        self._formatted = False

    @property
    def bootstrap_servers(self) -> str:
        """HOST:PORT for clients; the same until it is moved."""
        return f"{HOST}:{self._place.port}"

    @property
    def running(self) -> bool:
        """True while the process lives."""
        return self._process.running

    def start(self) -> None:
        """Start, or start again with the same data; returns when clients are served."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start the process and return: one of a cluster is ready only with the others."""
        if not self._formatted:
            self._format()
        self._process.start()

    def wait_until_ready(self) -> None:
        """Wait until clients are served. Raises with the end of the log if that fails."""
        self._process.wait_until_ready(self._answers, START_SECONDS)

    @property
    def place(self) -> Place:
        """Where it stands in its cluster."""
        return self._place

    @property
    def node(self) -> int:
        """Its number in the cluster."""
        return self._place.node

    @property
    def port(self) -> int:
        """Of HOST, for clients."""
        return self._place.port

    def advertise(self, host: str, port: int) -> None:
        """Tell clients that it is there, from the next start on. Only while it does not run."""
        self._settings["advertised.listeners"] = f"PLAINTEXT://{host}:{port}"
        _write(self._properties, {**_network(self._place), **self._settings})

    def move(self) -> None:
        """Serve clients on another port from the next start on. Only while it does not run."""
        self._place = replace(self._place, port=free_ports(1)[0])
        _write(self._properties, {**_network(self._place), **self._settings})

    def stop(self) -> None:
        """Shut down in good order."""
        self._process.stop()

    def kill(self) -> None:
        """Crash: end the process at once."""
        self._process.kill()

    def freeze(self) -> None:
        """It keeps its connections and answers nothing, until `thaw`."""
        self._process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._process.signal(signal.SIGCONT)

    def configure(self, *arguments: str) -> None:
        """Change what the cluster is told, as Kafka's own kafka-configs does."""
        self._tool("kafka.admin.ConfigCommand", "--bootstrap-server", self.bootstrap_servers,
                   *arguments)  # fmt: skip

    def set_quota(self, client_id: str, bytes_per_second: int | None) -> None:
        """Let a client send no more than this; None lets it send as it likes."""
        change = ["--delete-config", "producer_byte_rate"]
        if bytes_per_second is not None:
            change = ["--add-config", f"producer_byte_rate={bytes_per_second}"]
        self.configure("--alter", "--entity-type", "clients", "--entity-name", client_id, *change)

    def _format(self) -> None:
        self._tool("kafka.tools.StorageTool", "format", "--cluster-id", self._place.cluster_id,
                   "--config", str(self._properties))  # fmt: skip
        self._formatted = True

    def _tool(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [*_java(self._heap), name, *arguments],
            capture_output=True,
            text=True,
            timeout=TOOL_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{name} {arguments[0]} failed:\n{done.stdout}{done.stderr}")

    def _answers(self) -> bool:
        if not _listens(self._place.port):
            return False
        try:
            admin = KafkaAdminClient(
                bootstrap_servers=self.bootstrap_servers, bootstrap_timeout_ms=5000
            )
        except KafkaError:
            return False
        try:
            admin.list_topics()
        except KafkaError:
            return False
        finally:
            admin.close()
        return True


def _java(heap: str) -> list[str]:
    if shutil.which("java") is None:
        raise RuntimeError("java is not there. Install Java 17 or later, then: make setup-test")
    if not any(JARS.glob("kafka_*.jar")):
        raise RuntimeError(f"Kafka is not there ({JARS}). Install it with: make setup-test")
    return ["java", f"-Xmx{heap}", *JVM, "-cp", f"{JARS}/*"]


def _network(place: Place) -> dict[str, str]:
    voters = [f"{node}@{HOST}:{port}" for node, port in place.voters.items()]
    own = place.voters.get(place.node)
    listeners = [f"PLAINTEXT://{HOST}:{place.port}"]
    return {
        "process.roles": "broker" if own is None else "broker,controller",
        "node.id": str(place.node),
        "controller.quorum.voters": ",".join(voters),
        "listeners": ",".join(listeners + ([f"CONTROLLER://{HOST}:{own}"] if own else [])),
        "advertised.listeners": f"PLAINTEXT://{HOST}:{place.port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
    }


def _storage(folder: Path) -> dict[str, str]:
    return {
        "log.dirs": str(folder),
        "message.max.bytes": str(MAX_MESSAGE_BYTES),
        "replica.fetch.max.bytes": str(MAX_MESSAGE_BYTES),
        # Records of tests are as old as their timestamps say: the cleaner would take them away.
        "log.retention.ms": "-1",
        # Kafka reserves 10 MiB of index a segment otherwise, and clears 128 MiB at start.
        "log.index.size.max.bytes": str(2**20),
        "log.cleaner.dedupe.buffer.size": str(8 * 2**20),
    }


def _single_node() -> dict[str, str]:
    return {
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # A test with one consumer need not wait for others to join.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # A killed broker may only come back when the controller has given it up.
        "broker.heartbeat.interval.ms": "500",
        "broker.session.timeout.ms": "3000",
    }


def _write(path: Path, properties: Mapping[str, str]) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0
