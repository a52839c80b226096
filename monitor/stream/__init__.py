"""What travels, and how it comes and goes: records, offsets, events, sources, sinks.

`records.py`, `offsets.py`, `events.py`, `batching.py` and `json_values.py` are plain values that
every room may import. The daemon's consumer and producer are here: what decides is given a
`Source` and a `Sink`.
"""
