"""The desired-set launcher: say what should run, and it does. ``specs`` has the words, ``core`` the decisions."""

from mesos_py.sdk.launcher.core import DesiredSet, Habits
from mesos_py.sdk.launcher.specs import Backoff, Launch, Restart, Selection, Spec

__all__ = ["Backoff", "Habits", "Launch", "DesiredSet", "Restart", "Selection", "Spec"]
