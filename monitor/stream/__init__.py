"""What travels, and how it comes and goes: records, offsets, events, sources, sinks.

`records.py`, `offsets.py`, `events.py`, `batching.py` and `json_values.py` are plain values that
every room may import. Kafka is known here alone: others are given a `Source` and a `Sink`.
"""
