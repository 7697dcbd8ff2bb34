"""What a decoder raises, in the words Mesos uses; no decoder raises anything else, whatever the input.

`text` is the tail that Mesos prints after a prefix which depends on the endpoint; `str(error)` has the prefix of the
v1 APIs in front, ready for the body of a 400.
"""

from __future__ import annotations


class DecodeError(ValueError):
    """The peer's bytes are not a message of the kind we expect."""

    def __init__(self, text: str, prefix: str = "") -> None:
        super().__init__(prefix + text)
        self.text = text


class JSONSyntaxError(DecodeError):
    """The body is not JSON."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "Failed to parse body into JSON: ")


class ConversionError(DecodeError):
    """The body is JSON, but not this message."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text, f"Failed to convert JSON into {name} protobuf: ")


class ProtobufError(DecodeError):
    """The body is not this message in protobuf; Mesos does not say why, `reason` does."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Failed to parse body into {name} protobuf")
        self.reason = reason
