"""Segments: the stream judged part by part, beside the judge of the whole.

A segment is a camera, a line or a machine that shares the topic with others. `names.py` says which
are told apart, `waiting.py` collects their rows, `segmented.py` has a judge for each, `silence.py`
sees which have stopped (`gaps.py` knows what is usual), and `shares.py` divides the budget.
"""
