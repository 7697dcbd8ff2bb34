"""The OpenAPI document, which follows from the rows and from the definitions' fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import SCHEMAS
from frameworks.marathon_py.definitions.groups import GroupUpdate
from frameworks.marathon_py.definitions.legacy import GIVEN
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.definitions.schemas import schemas
from frameworks.marathon_py.shell.api.cluster import API_VERSION, LoggerChange
from frameworks.marathon_py.shell.api.groups import GroupPatch
from frameworks.marathon_py.shell.api.site import Row
from mesos_py.web.response import JSON

#: what may stand in queries
_QUERY: Mapping[str, tuple[str, str]] = {
    "force": ("boolean", "Deployments in the way are cancelled."),
    "partialUpdate": ("boolean", "What is not given stays as it is. Unless said otherwise, it does."),
    "dryRun": ("boolean", "Nothing changes; the answer is the plan."),
    "embed": ("string", "What is shown besides; may be repeated."),
    "id": ("string", "Part of the ids, in any case."),
    "cmd": ("string", "Part of the commands, in any case."),
    "label": ("string", "A selector: key, key==value, key!=value, key in (a, b), key notin (a, b); all hold."),
    "status": ("string", "running or staging; may be repeated."),
    "host": ("string", "The host whose tasks are meant; * is any."),
    "scale": ("boolean", "There are so many fewer from now on."),
    "wipe": ("boolean", "Their data goes, too."),
    "backup": ("string", "Where the next leader saves everything before it serves: file:///... or s3://..."),
    "restore": ("string", "From where it restores everything."),
    "event_type": ("string", "Of this type only; may be repeated."),
    "plan-format": ("string", "Has no effect: plans are light."),
}  # fmt: skip
_REPEATED = ("embed", "status", "event_type")


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"{SCHEMAS}{name}"}


def _object(description: str, **members: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "description": description, "properties": members}


def _array(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": dict(items)}


_TEXT = {"type": "string"}
_WRITTEN: Mapping[str, dict[str, Any]] = {
    "GivenApp": {**GIVEN.schema, "description": "An app as it is given, in forms of today and of former releases."},
    "GivenApps": _array(_ref("GivenApp")),
    "Apps": _object("Apps with what is embedded in them.", apps=_array(_ref("App"))),
    "OneApp": _object("An app with its tasks, counts, deployments and last failure.", app=_ref("App")),
    "Pods": _array(_ref("Pod")),
    "Group": _object(
        "A group with its parts.", id=_TEXT, version=_TEXT, enforceRole={"type": "boolean"},
        dependencies=_array(_TEXT), apps=_array(_ref("App")), pods=_array({"type": "object"}),
        groups=_array(_ref("Group")),
    ),
    "Started": _object("A deployment was started.", version=_TEXT, deploymentId=_TEXT),
    "TaskIds": _object("Tasks by their ids.", ids=_array(_TEXT)),
    "InstanceIds": _array(_TEXT),
    "Deployments": _array({"type": "object"}),
    "Queue": _object("What waits to be launched.", queue=_array({"type": "object"})),
    "Error": _object(
        "Why something was refused.", message=_TEXT,
        details={"anyOf": [_TEXT, _array(_object("", path=_TEXT, errors=_array(_TEXT)))]},
        deployments=_array(_object("In the way.", id=_TEXT)),
    ),
}  # fmt: skip


def document(rows: Iterable[Row]) -> dict[str, Any]:
    """OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row)
    return {
        "openapi": "3.1.0", "info": {"title": "Marathon on mesos_py", "version": API_VERSION}, "paths": paths,
        "components": {"schemas": {**schemas((App, Pod, GroupUpdate, GroupPatch, LoggerChange)), **_WRITTEN}},
    }  # fmt: skip


def _operation(row: Row) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT} for name in re.findall(r"\{(\w+)\}", row.path)
    ]
    for name in row.query:
        kind, about = _QUERY[name]
        schema: dict[str, Any] = {"type": kind} if name not in _REPEATED else _array({"type": kind})
        parameters.append({"name": name, "in": "query", "description": about, "schema": schema})
    good: dict[str, Any] = {"description": "It was done."}
    if row.gives:
        good["content"] = {JSON: {"schema": _ref(row.gives)}}
    operation: dict[str, Any] = {
        "summary": row.about, "tags": [row.tag],
        "responses": {
            "2XX": good,
            "default": {"description": "It was refused.", "content": {JSON: {"schema": _ref("Error")}}},
        },
    }  # fmt: skip
    if parameters:
        operation["parameters"] = parameters
    if row.takes:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": _ref(row.takes)}}}
    return operation
