"""What operators change, other than through schedulers or agents.

Mesos: src/master/http.cpp Master::Http::teardown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.machine.table import Table
from mesos_py.master.calls.subscription import remove
from mesos_py.master.events import TeardownFramework

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("operator calls")


@table.on(TeardownFramework)
def teardown_framework(m: Master, event: Event, out: Frame) -> Problem | None:
    """The framework is removed with everything it runs."""
    framework = m.state.frameworks.get(event.body.framework_id)
    if framework is None:
        return bad_request("No framework found with specified ID")
    remove(m, framework, out)
    return None
