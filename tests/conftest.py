"""What every test stands on: messages that nobody may change once they are made, and draws that are always the same."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Before any message class is declared: a core that changes a message it was given fails here, and only here.
os.environ.setdefault("MESOS_PY_FREEZE", "1")

# Whether a test holds is not for chance to say, nor for how busy the host is. What is drawn anew is the simulator's.
settings.register_profile("mesos_py", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mesos_py")
