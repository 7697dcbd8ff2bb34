"""Records that cannot be understood: torn, or of a version that allowed what this one refuses."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator


class NotUnderstood(ValueError):
    """The name of the record is in the text."""


@contextlib.contextmanager
def of_record(name: str) -> Iterator[None]:
    """What reads the record raises NotUnderstood for whatever is wrong with it."""
    try:
        yield
    except NotUnderstood:
        raise  # by a record that this one needs
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        raise NotUnderstood(f"what is kept as '{name}' cannot be understood: {error!r}") from error
