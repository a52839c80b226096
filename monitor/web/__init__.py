"""What people see over HTTP: the status page, /api/status, /metrics and health.

`app.py` has the pages, `status.py` what they say; `server.py`, `connections.py` and
`authentication.py` serve them, `file.py`, `settings.py` and `reload.py` their configuration.
"""
