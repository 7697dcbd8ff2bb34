"""What people ask for about pods: created, changed as a whole, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions import groups, paths, trees
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod, complete_pod
from frameworks.marathon_py.deployments import changes
from frameworks.marathon_py.words import Refused, Started
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

table = Table("what people ask of pods")


def no_pod(path: PathId) -> Refused:
    return Refused(404, f"Pod '{path}' does not exist")


@table.on(words.PutPod)
def put_pod(m: Marathon, event: Event, out: Frame) -> None:
    """The pod is what is given. Reply: ``Started``."""
    told: words.PutPod = event.body
    path = paths.absolute(told.given.id)
    is_known = isinstance(m.specs.get(path), Pod)
    if told.must_be_new and is_known:
        out.reply = Refused(409, f"A pod with id [{path}] already exists.")
        return
    if not told.must_be_new and not is_known:
        out.reply = no_pod(path)
        return
    pod = complete_pod(told.given, m.settings, role=groups.default_role(m.root, path, m.settings))
    out.reply = changes.submit(m, trees.put(m.root, pod, m.settings), paths.parent(path), told.force, out)
    _tell(out, "created" if told.must_be_new else "updated", told.by)


@table.on(words.DeletePod)
def delete_pod(m: Marathon, event: Event, out: Frame) -> None:
    """There is no such pod, and its instances are being ended. Reply: ``Started``."""
    told: words.DeletePod = event.body
    if not isinstance(m.specs.get(told.id), Pod):
        out.reply = no_pod(told.id)
        return
    out.reply = changes.submit(m, trees.take(m.root, told.id, m.settings), paths.parent(told.id), told.force, out)
    _tell(out, "deleted", told.by)


def _tell(out: Frame, what: str, by: words.Source | None) -> None:
    if by is not None and isinstance(out.reply, Started):
        out.change(words.PodPosted(what, by))
