"""When a new model is asked for, what is said, and how it reaches its receivers.

`policy.py`, `history.py` and `request.py` decide, `outbox.py` keeps requests in a folder,
`delivery.py` brings them to `monitor.receivers`. Others may import any of them.
"""
