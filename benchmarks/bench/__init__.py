"""What we cost beside what nobody can do without: `python -m benchmarks.bench`.

Every figure is a ratio of two things that were measured in one run, by turns, so that a busy
machine slows both. Costs are processor time (user and system, of all threads of a process) for
each record; wall time stands beside it. A *bare* part is what we are made of and cannot go
below: Kafka's client in a loop, the network on tensors that are ready, a parser alone.
"""
