"""Faults at random on a real cluster, and a ledger that must balance in the end.

`python -m tests.chaos.run --rounds 100 --records 200000` is the whole; `--seed` repeats one.
"""
