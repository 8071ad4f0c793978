"""No test of this suite is timed: a busy machine must not fail one (hypothesis has a deadline by default)."""

from hypothesis import settings
from tests.effort import effort

settings.register_profile("trebol", deadline=None, max_examples=effort(100))
settings.load_profile("trebol")
