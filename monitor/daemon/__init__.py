"""How the process runs: the loop, rebalances, checkpoints, publishing, shutdown.

`loop.py` is the place to begin. `assembly/` builds everything from a configuration; the commands
and `retrain_job` import that, and nothing else imports from here.
"""
