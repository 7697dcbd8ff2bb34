"""Our declarations as google.protobuf descriptors: the twin our codec is compared with.

Every message becomes a top-level message of one file, every enum sits in a message of its own (proto enum values share
the scope around their enum), ids are the message `Id`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from mesos_py.wire.schema import Field, fields
from tests.wire.samples import ALL, name_of

_PROTO = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    "bool": _PROTO.TYPE_BOOL,
    "double": _PROTO.TYPE_DOUBLE,
    "string": _PROTO.TYPE_STRING,
    "bytes": _PROTO.TYPE_BYTES,
    "int32": _PROTO.TYPE_INT32,
    "int64": _PROTO.TYPE_INT64,
    "uint32": _PROTO.TYPE_UINT32,
    "uint64": _PROTO.TYPE_UINT64,
    "message": _PROTO.TYPE_MESSAGE,
    "id": _PROTO.TYPE_MESSAGE,
    "enum": _PROTO.TYPE_ENUM,
}
_LABELS = {
    "req": _PROTO.LABEL_REQUIRED,
    "opt": _PROTO.LABEL_OPTIONAL,
    "rep": _PROTO.LABEL_REPEATED,
    "map": _PROTO.LABEL_REPEATED,
}


def _flat(cls: type) -> str:
    return name_of(cls).replace(".", "_")


def _entry(cls: type, field: Field) -> str:
    return "".join(part.capitalize() for part in field.name.split("_")) + "Entry"


def _describe(file: Any, cls: type, enums: dict[type, str]) -> None:
    proto = file.message_type.add(name=_flat(cls))
    groups: dict[str, int] = {}
    for field in fields(cls):
        target = proto.field.add(name=field.name, number=field.number, label=_LABELS[field.label])
        if field.label == "map":
            entry = proto.nested_type.add(name=_entry(cls, field))
            entry.options.map_entry = True
            entry.field.add(name="key", number=1, label=_PROTO.LABEL_OPTIONAL, type=_PROTO.TYPE_STRING)
            _type(entry.field.add(name="value", number=2, label=_PROTO.LABEL_OPTIONAL), field, enums)
            target.type = _PROTO.TYPE_MESSAGE
            target.type_name = f".twin.{_flat(cls)}.{_entry(cls, field)}"
        else:
            _type(target, field, enums)
        if field.oneof is not None:
            if field.oneof not in groups:
                groups[field.oneof] = len(groups)
                proto.oneof_decl.add(name=field.oneof)
            target.oneof_index = groups[field.oneof]


def _type(target: Any, field: Field, enums: dict[type, str]) -> None:
    target.type = _TYPES[field.kind]
    if field.kind == "message":
        target.type_name = f".twin.{_flat(field.type)}"
    elif field.kind == "id":
        target.type_name = ".twin.Id"
    elif field.kind == "enum":
        target.type_name = f".twin.{enums[field.type]}.E"


@cache
def _twins() -> dict[type, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="twin.proto", package="twin", syntax="proto2")
    file.message_type.add(name="Id").field.add(
        name="value", number=1, label=_PROTO.LABEL_REQUIRED, type=_PROTO.TYPE_STRING
    )
    enums: dict[type, str] = {}
    for cls in ALL:
        for field in fields(cls):
            if field.kind == "enum" and field.type not in enums:
                enums[field.type] = f"Enum{len(enums)}"
                enum = file.message_type.add(name=enums[field.type]).enum_type.add(name="E")
                for member in field.type:
                    enum.value.add(name=member.name, number=int(member))
    for cls in ALL:
        _describe(file, cls, enums)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {cls: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"twin.{_flat(cls)}")) for cls in ALL}


def twin_class(cls: type) -> Any:
    """The google.protobuf class for one of ours."""
    return _twins()[cls]


def twin_of(msg: Any) -> Any:
    """The google.protobuf message that says the same."""
    twin = twin_class(type(msg))()
    _fill(twin, msg)
    return twin


def _fill(twin: Any, msg: Any) -> None:
    twin.SetInParent()
    for field in fields(type(msg)):
        value = getattr(msg, field.name)
        if field.label == "map":
            for key, item in value.items():
                if field.kind == "message":
                    _fill(getattr(twin, field.name)[key], item)
                else:
                    getattr(twin, field.name)[key] = item
        elif field.label == "rep":
            for item in value:
                if field.kind == "message":
                    _fill(getattr(twin, field.name).add(), item)
                elif field.kind == "id":
                    getattr(twin, field.name).add().value = item
                else:
                    getattr(twin, field.name).append(item)
        elif value is None or (field.label == "opt" and field.default is not None and value == field.default):
            continue
        elif field.kind == "message":
            _fill(getattr(twin, field.name), value)
        elif field.kind == "id":
            getattr(twin, field.name).value = value
        else:
            setattr(twin, field.name, value)
