"""Settings of the tests of the models."""

from hypothesis import settings

# The machines are shared and slow at times: a deadline would fail tests at random.
settings.register_profile("shared-machine", deadline=None)
settings.load_profile("shared-machine")
