"""What a member claims to own when it joins the group."""

from kafka import TopicPartition
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment

from monitor.stream.kafka_private import cooperative_assignor


def test_a_member_claims_what_it_owns_now_and_not_what_it_once_had() -> None:
    owned = [TopicPartition("in", 0), TopicPartition("in", 3)]
    assignor = cooperative_assignor(lambda: owned)()
    assignor.on_assignment(ConsumerProtocolAssignment(1, [("in", [0, 3])], b""), 7)
    (claimed,) = assignor.metadata(["in"]).owned_partitions
    assert (claimed.topic, claimed.partitions) == ("in", [0, 3])
    owned.clear()
    assert assignor.metadata(["in"]).owned_partitions == []
