"""Drift in many numbers of a record at once, beside its reconstruction error.

Each channel (`models.channels`) is put through its own calibration distribution, and the bets of
the error play on the result. A weighted mean of e-detectors is one, however channels depend on
each other, so all share one budget:

    S = 1/2 S_error + 1/2 sum over channels of w_c S_c

`rank_bets` has the bets on where values lie, `digits` brings records into bins, `repeat_bets` has
those on values that are the same as before (`compared` finds them, by the `last_values`; `repeats`
learns how often that is usual), `tally` adds them up, `betting` plays, `with_channels` joins it
with the test of the error, `weights` has the w_c, `findings` says what was found.
"""
