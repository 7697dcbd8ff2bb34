"""What operators were told must be shown to be missed: masters that forget it."""

from __future__ import annotations

from mesos_py.machine.frame import Frame
from mesos_py.master.registry import UpdateWeights
from mesos_py.sim.cluster import Sabotage
from mesos_py.sim.run import run
from tests.sim.scenarios import fault, plan, weigh


def forgets(*kinds: type) -> Sabotage:
    """A master that does not keep facts of these kinds."""

    def sabotage(process: str, frame: Frame) -> None:
        frame.writes = [write for write in frame.writes if not isinstance(write, kinds)]

    return sabotage


def test_a_master_that_forgets_weights_is_found() -> None:
    """Without the bug the same run goes well."""
    made = plan(weigh(10, r1=3.0), fault(25, "restart master", "m0", 5))
    report = run(made, forgets(UpdateWeights))
    assert report.signature.startswith("Violation I5 "), report.text()
    assert run(made).violation is None
