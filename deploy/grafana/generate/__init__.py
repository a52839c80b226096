"""Makes the Grafana dashboards: `make dashboards`.

`fleet.py` and `model.py` say what is on them, `measures.py` and `queries.py` what is asked and how
PromQL is written, `panels.py` and `tables.py` how things look. What comes out is Grafana's classic
JSON.
"""
