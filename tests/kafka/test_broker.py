"""The machinery that the Kafka tests stand on."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from tests.kafka import broker as broker_module
from tests.kafka import kafkacat
from tests.kafka.broker import MAX_MESSAGE_BYTES, Broker
from tests.kafka.process import ServerProcess, wait_until
from tests.kafka.prometheus import Prometheus, one_target
from tests.kafka.topics import TopicFactory

ODD_PAYLOADS = [
    b"\n",
    b"\x00",
    b"a\nb\x00c\xff\n",
    b"\\x41 %s %d",
    b'"',
    bytes(range(256)),
    b"\x7f",
]


def _produce(servers: str, topic: str, values: list[bytes]) -> None:
    producer = KafkaProducer(
        bootstrap_servers=servers, acks="all", max_request_size=MAX_MESSAGE_BYTES
    )
    futures = [producer.send(topic, value=value, partition=0) for value in values]
    producer.flush(timeout=30)
    for future in futures:
        future.get(timeout=1)
    producer.close()


def _consume(servers: str, topic: str, count: int) -> list[bytes]:
    consumer = KafkaConsumer(
        bootstrap_servers=servers, auto_offset_reset="earliest", enable_auto_commit=False
    )
    consumer.assign([TopicPartition(topic, 0)])
    found: list[bytes] = []

    def complete() -> bool:
        found.extend(message.value for ms in consumer.poll(500).values() for message in ms)
        return len(found) >= count

    wait_until(complete, 30, lambda: f"{len(found)} of {count} messages came")
    consumer.close()
    return found


def test_what_is_produced_is_consumed(broker: Broker, topic: TopicFactory) -> None:
    name = topic()
    values = [b"%d" % i for i in range(100)]
    _produce(broker.bootstrap_servers, name, values)
    assert _consume(broker.bootstrap_servers, name, 100) == values


def test_the_broker_takes_a_message_of_ten_megabytes(broker: Broker, topic: TopicFactory) -> None:
    name = topic()
    _produce(broker.bootstrap_servers, name, [bytes(10_000_000)])
    (value,) = _consume(broker.bootstrap_servers, name, 1)
    assert len(value) == 10_000_000


def test_topics_get_the_partitions_and_configs_asked_for(
    broker: Broker, topic: TopicFactory
) -> None:
    name = topic(partitions=4, configs={"max.message.bytes": "1000"})
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap_servers)
    assert consumer.partitions_for_topic(name) == {0, 1, 2, 3}
    consumer.close()
    with pytest.raises(RuntimeError, match="too large"):
        kafkacat.produce(broker.bootstrap_servers, name, [bytes(2000)], partition=0, key="k")


@pytest.mark.kafka
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_keeps_ports_and_data(tmp_path: Path, end: str) -> None:
    broker = Broker(tmp_path)
    broker.start()
    try:
        servers = broker.bootstrap_servers
        name = TopicFactory(servers)()
        _produce(servers, name, [b"before"])
        getattr(broker, end)()
        assert not broker.running
        broker.start()
        assert broker.bootstrap_servers == servers
        _produce(servers, name, [b"after"])
        assert _consume(servers, name, 2) == [b"before", b"after"]
    finally:
        broker.kill()


@pytest.mark.kafka
def test_a_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    broker = Broker(tmp_path, settings={"num.network.threads": "0"})
    with pytest.raises(RuntimeError, match=r"num\.network\.threads"):
        broker.start()
    assert not broker.running


def test_missing_jars_fail_with_the_command_that_gets_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "JARS", tmp_path)
    with pytest.raises(RuntimeError, match="make setup-test"):
        Broker(tmp_path)


def test_a_server_dies_with_a_test_run_that_is_killed(tmp_path: Path) -> None:
    script = f"""
        from pathlib import Path
        from tests.kafka.process import ServerProcess
        server = ServerProcess(["sleep", "600"], Path({str(tmp_path / "log")!r}))
        server.start()
        # Until setpriv has become the command, nothing ties it to us yet.
        while not Path(f"/proc/{{server._process.pid}}/cmdline").read_bytes().startswith(b"sleep"):
            pass
        print(server._process.pid, flush=True)
        server._process.wait()
    """
    run = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert run.stdout is not None
    child = int(run.stdout.readline())
    run.stdout.close()
    run.send_signal(signal.SIGKILL)
    run.wait()
    wait_until(lambda: not _alive(child), 10, lambda: f"process {child} lives on")


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_server_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    server = ServerProcess(["sleep", "600"], tmp_path / "log")
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    with pytest.raises(TimeoutError):
        wait_until(lambda: not server.running, 0.5, lambda: "still there, as it should be")
    server.kill()


def test_a_stopped_server_is_gone(tmp_path: Path) -> None:
    server = ServerProcess(["sleep", "600"], tmp_path / "log")
    server.start()
    assert server.running
    server.stop()
    assert not server.running


def test_kafkacat_carries_any_byte_both_ways(broker: Broker, topic: TopicFactory) -> None:
    name = topic()
    servers = broker.bootstrap_servers
    kafkacat.produce(servers, name, ODD_PAYLOADS, partition=0, key="k", headers={"a": "b=c"})
    assert _consume(servers, name, len(ODD_PAYLOADS)) == ODD_PAYLOADS
    messages = kafkacat.consume(servers, name)
    assert [message.value for message in messages] == ODD_PAYLOADS
    assert [message.offset for message in messages] == list(range(len(ODD_PAYLOADS)))
    assert {(message.key, message.headers) for message in messages} == {(b"k", (("a", b"b=c"),))}


def test_kafkacat_tells_a_null_from_an_empty_value(broker: Broker, topic: TopicFactory) -> None:
    name = topic()
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    producer.send(name, value=None, key=b"key")
    producer.send(name, value=b"", key=None)
    producer.flush(timeout=30)
    producer.close()
    messages = kafkacat.consume(broker.bootstrap_servers, name)
    assert [(message.key, message.value) for message in messages] == [(b"key", None), (None, b"")]


def test_kafkacat_refuses_to_drop_an_empty_value(broker: Broker, topic: TopicFactory) -> None:
    with pytest.raises(ValueError, match="empty"):
        kafkacat.produce(broker.bootstrap_servers, topic(), [b"a", b""], partition=0, key="k")


def test_kafkacat_deals_twenty_thousand_images_out(broker: Broker, topic: TopicFactory) -> None:
    name = topic(partitions=4)
    pixels = np.random.default_rng(0).integers(0, 256, (20_000, 784), dtype=np.uint8)
    images = [image.tobytes() for image in pixels]
    kafkacat.produce_spread(broker.bootstrap_servers, name, images, partitions=4)
    messages = kafkacat.consume(broker.bootstrap_servers, name)
    dealt = {(m.partition, m.offset): m.value for m in messages}
    assert dealt == {(i % 4, i // 4): image for i, image in enumerate(images)}
    assert {(m.partition, m.key) for m in messages} == {(p, b"camera-%d" % p) for p in range(4)}


@pytest.fixture
def target() -> Iterator[str]:
    """A web server whose one metric goes up with each scrape."""
    scrapes = itertools.count(1)

    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(b"scrapes_total %d\n" % next(scrapes))

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Metrics)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_prometheus_scrapes_its_target_and_answers(tmp_path: Path, target: str) -> None:
    prometheus = Prometheus(tmp_path, one_target(target))
    prometheus.start()
    try:
        ((labels, up),) = prometheus.wait_for("up == 1")
        assert (labels["instance"], up) == (target, 1.0)
        prometheus.wait_for("scrapes_total >= 2")
        assert prometheus.query("no_such_metric") == []
    finally:
        prometheus.stop()
    assert any((tmp_path / "data").iterdir())
