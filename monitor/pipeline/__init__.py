"""The decision: records in, outcome out, no I/O, no clock, no thread.

`step.py` is the whole path; `events.py` says an outcome as messages. `loaded_model.py` is all
that changes with a model, `probe.py` tries one. `offline.py`, for the commands, alone shows
progress. Others may import any of them.
"""
