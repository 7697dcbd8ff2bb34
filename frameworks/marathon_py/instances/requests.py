"""What people ask for about instances: that they end, with or without others in their place.

Source: mesosphere/marathon .../api/TaskKiller.scala.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.deployments import requests
from frameworks.marathon_py.instances import kills
from frameworks.marathon_py.instances.instance import Instance
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

table = Table("what people ask of instances")


@table.on(words.KillInstances)
def kill_instances(m: Marathon, event: Event, out: Frame) -> None:
    """They are being ended. Reply: the ids of those that there are, or what a deployment has to say about it."""
    told: words.KillInstances = event.body
    found = [m.instances[name] for name in dict.fromkeys(told.ids) if name in m.instances]
    if told.scale:
        _scale(m, found, told.force, out)
        return
    out.reply = tuple(one.id for one in found)
    for instance in found:
        if told.wipe:
            kills.wipe(m, instance, out)
        else:
            kills.kill(m, instance, out)


def _scale(m: Marathon, found: list[Instance], force: bool, out: Frame) -> None:
    """Their apps have so many instances fewer, and these are the ones. Reply: ``Started``."""
    fewer = Counter(one.spec_id for one in found if one.is_current)
    given = tuple(
        {"id": spec_id, "instances": max(0, spec.instances - count)} for spec_id, count in fewer.items()
        if isinstance(spec := m.specs.get(spec_id), App)
    )  # fmt: skip
    for instance in found:
        instance.is_sentenced = True
    requests.put_apps(m, Event(words.PutApps, words.PutApps(given, must_exist=True, force=force)), out)
    for instance in found:
        instance.is_sentenced = False
        if isinstance(out.reply, words.Started) and instance.id in m.instances:
            kills.stop(m, instance, out)  # by a later step it would be, too
