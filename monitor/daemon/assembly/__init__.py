"""Builds the daemon and its parts from a configuration."""
