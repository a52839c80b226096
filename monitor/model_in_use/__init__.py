"""model_in_use."""
