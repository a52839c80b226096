"""`pytest tests/fuzz --hypothesis-profile fuzz` tries many more examples: `make fuzz` does."""

from hypothesis import settings

settings.register_profile("fuzz", deadline=None, max_examples=5000)
