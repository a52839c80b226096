"""All that runs beside the daemons in production, on one machine, from packages."""
