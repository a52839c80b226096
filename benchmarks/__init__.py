"""Measurements and experiments; not part of the distribution."""
