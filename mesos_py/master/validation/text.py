"""Messages as protobuf's text format prints them; some refusals of Mesos quote whole messages.

Fields in the order of their numbers, two blanks of indentation, strings escaped as C does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mesos_py.wire.schema import Field, fields

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "'": "\\'", "\\": "\\\\"}


def message_text(message: Any) -> str:
    """Every set field on lines of its own, ending with a line break unless nothing is set."""
    return "".join(line + "\n" for line in _lines(message))


def _lines(message: Any) -> Iterator[str]:
    for field in sorted(fields(type(message)), key=lambda field: field.number):
        value = getattr(message, field.name)
        if field.label == "map":
            for key in sorted(value):
                yield f"{field.name} {{"
                yield f"  key: {_quoted(key)}"
                yield from _indented(_field_lines("value", field, value[key]))
                yield "}"
        elif field.label == "rep":
            for item in value:
                yield from _field_lines(field.name, field, item)
        elif value is not None and (field.label == "req" or value != field.default):
            yield from _field_lines(field.name, field, value)


def _field_lines(name: str, field: Field, value: Any) -> Iterator[str]:
    if field.kind == "message":
        yield f"{name} {{"
        yield from _indented(_lines(value))
        yield "}"
    elif field.kind == "id":
        yield f"{name} {{"
        yield f"  value: {_quoted(value)}"
        yield "}"
    elif field.kind == "enum":
        yield f"{name}: {value.name}"
    elif field.kind == "string":
        yield f"{name}: {_quoted(value)}"
    elif field.kind == "bytes":
        yield f'{name}: "{_bytes(value)}"'
    elif field.kind == "bool":
        yield f"{name}: {'true' if value else 'false'}"
    elif field.kind == "double":
        yield f"{name}: {value:.15g}"
    else:
        yield f"{name}: {value}"


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return ("  " + line for line in lines)


def _quoted(text: str) -> str:
    return f'"{_bytes(text.encode(errors="surrogatepass"))}"'


def _bytes(data: bytes) -> str:
    """Octal for what is not printable ASCII, as protobuf does."""
    return "".join(_ESCAPES.get(chr(byte)) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}") for byte in data)
