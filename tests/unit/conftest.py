"""No test of this suite is timed: a busy machine must not fail one (hypothesis has a deadline by default)."""

from hypothesis import settings

settings.register_profile("trebol", deadline=None)
settings.load_profile("trebol")
