"""Znodes, and what one request makes of them: all of it or nothing. Equal requests in equal order make equal trees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from mesos_py.coordination.zookeeper.client import ANY_VERSION, BadVersion, NodeExists, NoNode, Operation, Refused

ROOT = "/"


@attrs.define(eq=False)
class Znode:
    data: bytes
    #: session that it ends with, 0: it lasts
    owner: int = 0
    version: int = 0
    #: children ever made; numbers of sequential ones
    made: int = 0
    children: dict[str, None] = attrs.Factory(dict)


@attrs.frozen
class Create:
    path: str
    data: bytes
    #: session that it ends with, 0: it lasts
    owner: int = 0
    sequence: bool = False


@attrs.frozen
class Multi:
    operations: tuple[Operation, ...]


@attrs.frozen
class OpenSession:
    session: int
    timeout_s: float


@attrs.frozen
class CloseSession:
    session: int


Request = Create | Multi | OpenSession | CloseSession


@attrs.frozen
class Applied:
    """What came of a request."""

    #: a path, None, or the Refused that it met
    result: Any = None
    #: znodes that were made, changed or removed
    touched: tuple[str, ...] = ()
    #: whose children have changed
    stirred: tuple[str, ...] = ()


class Tree:
    """All znodes of one server, and the sessions."""

    def __init__(self) -> None:
        self.nodes: dict[str, Znode] = {ROOT: Znode(b"")}
        #: session -> timeout
        self.sessions: dict[int, float] = {}

    def apply(self, request: Request) -> Applied:
        """The same for all servers; a Refused among the results has changed nothing."""
        match request:
            case OpenSession(session, timeout_s):
                self.sessions[session] = timeout_s
                return Applied()
            case CloseSession(session):
                self.sessions.pop(session, None)
                gone = [path for path, node in self.nodes.items() if node.owner == session]
                for path in gone:
                    self._delete(path)
                return Applied(touched=tuple(gone), stirred=tuple(parent_of(path) for path in gone))
            case Create(path, data, owner, sequence):
                parent = self.nodes.get(parent_of(path))
                if sequence and parent is not None:
                    path = f"{path}{parent.made:010d}"
                refusal = self._refusal(("create", path, data))
                if refusal is not None:
                    return Applied(refusal)
                self._create(path, data, owner)
                return Applied(path, (path,), (parent_of(path),))
            case Multi(operations):
                return self._multi(operations)

    def _multi(self, operations: Sequence[Operation]) -> Applied:
        """Each operation meets what those before it have done; the first that is refused undoes them."""
        undo: list[tuple[str, Znode | None]] = []
        touched: list[str] = []
        stirred: list[str] = []
        for operation in operations:
            refusal = self._refusal(operation)
            if refusal is not None:
                for path, node in reversed(undo):
                    self._put_back(path, node)
                return Applied(refusal)
            name, path = operation[0], operation[1]
            if name == "check":
                continue
            undo.append((path, self.nodes.get(path)))
            touched.append(path)
            if name == "set":
                before = self.nodes[path]
                self.nodes[path] = attrs.evolve(before, data=operation[2], version=before.version + 1)
                continue
            stirred.append(parent_of(path))
            if name == "create":
                self._create(path, operation[2], 0)
            else:
                self._delete(path)
        return Applied(None, tuple(touched), tuple(dict.fromkeys(stirred)))

    def _refusal(self, operation: Operation) -> Refused | None:
        name, path = operation[0], operation[1]
        node = self.nodes.get(path)
        if name == "create":
            parent = self.nodes.get(parent_of(path))
            if node is not None:
                return NodeExists(path)
            return NoNode(path) if parent is None else None
        if node is None:
            return NoNode(path)
        wanted = operation[-1]
        if wanted not in (ANY_VERSION, node.version):
            return BadVersion(path)
        return NodeExists(path) if name == "delete" and node.children else None

    def _create(self, path: str, data: bytes, owner: int) -> None:
        parent = self.nodes[parent_of(path)]
        parent.children[name_of(path)] = None
        parent.made += 1
        self.nodes[path] = Znode(data, owner)

    def _delete(self, path: str) -> None:
        del self.nodes[parent_of(path)].children[name_of(path)]
        del self.nodes[path]

    def _put_back(self, path: str, node: Znode | None) -> None:
        parent = self.nodes[parent_of(path)]
        if node is None:
            del self.nodes[path], parent.children[name_of(path)]
            parent.made -= 1
        else:
            self.nodes[path] = node
            parent.children[name_of(path)] = None


def parent_of(path: str) -> str:
    return path.rpartition("/")[0] or ROOT


def name_of(path: str) -> str:
    return path.rpartition("/")[2]
