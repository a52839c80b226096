"""A backtest: the daemon's own pipeline over records of the past, and what it would have said."""
