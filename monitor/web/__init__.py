"""The daemon's web server: metrics, health, status."""
