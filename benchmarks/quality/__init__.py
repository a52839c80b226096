"""How well anomalies are found: one command for each kind of data."""
