"""Makes the Grafana dashboards: `make dashboards`.

`fleet.py` and `model.py` say what is on them, `queries.py` how PromQL is written, `panels.py` and
`tables.py` how things look. The output is Grafana's classic JSON.
"""
