"""The declarations against the document they were made from: numbers, labels, types and defaults, one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from mesos_py.wire import agent_api, executor_api, master_api, resource_provider
from mesos_py.wire import scheduler_api as api
from mesos_py.wire.offer import Offer
from mesos_py.wire.schema import Field, WireEnum, fields
from tests.golden import golden_dir
from tests.wire.samples import ALL

IDS = {"FrameworkID", "OfferID", "AgentID", "TaskID", "ExecutorID", "ResourceProviderID", "OperationID"}
NOT_OURS = IDS | {"APIResult"}
MODULES = {
    "2": ("scheduler_api", "constraints"),
    "3": ("executor_api",),
    "4": ("master_api", "master_response"),
    "5": ("agent_api", "agent_response"),
    "9": ("resource_provider",),
}
LINE = re.compile(
    r"\s+(\d+) (req|opt|rep|map<string,[\w.]+>|oneof (\w+)) ?(?:([\w.]+) )?(\w+)(?: =(\S+))?( DEPRECATED)?(?:   #.*)?"
)
UNIONS: tuple[Any, ...] = (
    api.Call,
    api.Event,
    executor_api.Call,
    executor_api.Event,
    master_api.Call,
    master_api.Response,
    master_api.Event,
    agent_api.Call,
    agent_api.Response,
    resource_provider.Call,
    resource_provider.Event,
    Offer.Operation,
)


def _sections() -> Iterator[tuple[str, list[str]]]:
    """The v1 sections (1 to 9) of the document: number and lines."""
    document = golden_dir().parent / "spec" / "mesos" / "mesos-wire.md"
    if not document.is_file():
        pytest.skip(f"no wire document at {document}")
    for section in re.split(r"^## ", document.read_text(), flags=re.MULTILINE):
        number = section.partition(".")[0]
        if number.isdigit() and 1 <= int(number) <= 9:
            yield number, section.splitlines()


def _class(section: str, path: str) -> type:
    """Our class of a message or of the owner of an enum."""
    apis = {module for modules in MODULES.values() for module in modules}
    found = []
    for cls in ALL:
        module = cls.__module__.rpartition(".")[2]
        here = module in MODULES[section] if section in MODULES else module not in apis
        if cls.__qualname__ == path and here and module not in ("internal", "registry", "agent_state", "checkpoint"):
            found.append(cls)
    (only,) = found
    return only


def _label(field: Field) -> str:
    return f"oneof {field.oneof}" if field.oneof else field.label


def test_every_message_of_the_document() -> None:
    """Each line of the document is a field of ours, and there are no others."""
    checked = 0
    for section, lines in _sections():
        remaining: dict[str, Field] = {}
        owner = ""
        for line in lines:
            head = re.match(r"(message|enum|```) ?([\w.]*)", line)
            if head or line.startswith("#"):
                assert not remaining, f"{owner} has fields that the document has not: {remaining}"
                if head and head[1] == "message" and head[2] not in NOT_OURS:
                    owner = head[2]
                    remaining = {field.name: field for field in fields(_class(section, owner))}
                else:
                    owner = ""
                continue
            match = LINE.fullmatch(line)
            if not owner or match is None:
                continue
            number, label, _, _, name, default, deprecated = match.groups()
            field = remaining.pop(name)
            assert (field.number, _label(field)) == (int(number), label.partition("<")[0]), f"{owner}.{name}"
            _check_type(field, match)
            if field.label == "opt":
                shown = None if deprecated else default
                assert _printed(field.default) == (shown.strip('"') if shown else None), f"{owner}.{name}"
            checked += 1
    assert checked > 1000


def _check_type(field: Field, match: re.Match[str]) -> None:
    wanted = match[4] or match[2].partition(",")[2].rstrip(">")
    if field.kind in ("message", "enum", "id"):
        name = "Protocol" if field.type.__name__ == "IPProtocol" else field.type.__name__
        assert wanted.rpartition(".")[2] == name, match[0]
    else:
        assert wanted == field.kind, match[0]


def _printed(default: Any) -> str | None:
    if isinstance(default, WireEnum):
        return default.name
    return None if default is None else str(default).lower() if isinstance(default, bool) else str(default)


def test_every_enum_of_the_document() -> None:
    """Names and numbers, in order."""
    found: dict[str, dict[str, int]] = {}
    for section, lines in _sections():
        for line in lines:
            match = re.match(r"enum ([\w.]+): (.*?)(?:   #.*)?$", line)
            if match is None or match[1] == "Status":
                continue
            path, _, name = match[1].rpartition(".")
            owner: Any = _class(section, path) if path else _top(name)
            enum = getattr(owner, name)
            members = {m[1]: int(m[2]) for m in re.finditer(r"(\w+)=(\d+)", match[2])}
            assert {member.name: int(member) for member in enum} == members, match[1]
            found[f"{section} {match[1]}"] = members
    assert len(found) > 45


def _top(name: str) -> Any:
    from mesos_py.wire import agent, operation, task

    return next(module for module in (agent, operation, task) if hasattr(module, name))


@pytest.mark.parametrize("union", UNIONS, ids=lambda cls: f"{cls.__module__.rpartition('.')[2]}.{cls.__qualname__}")
def test_payloads_go_with_types(union: Any) -> None:
    """The union trick holds: every message field of a union is the payload of the type of its name."""
    payloads = {field.name for field in fields(union) if field.kind == "message"}
    assert payloads <= {member.name.lower() for member in union.Type}
