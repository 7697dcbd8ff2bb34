"""Rules about what is fetched: an address must be one, as Java's ``java.net.URI`` reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from frameworks.marathon_py.definitions.app import App, Fetch
from frameworks.marathon_py.definitions.fields import Violation, element
from frameworks.marathon_py.definitions.rules.words import Rule
from frameworks.marathon_py.definitions.settings import Settings

NO_URI = "URI has invalid syntax."

_ESCAPED = "%[0-9A-Fa-f]{2}"
_CHARACTER = rf"(?:[\w\-.!~*'(),;:$&+=@?/\[\]]|{_ESCAPED}|[^\x00-\x7f\s])"
#: a scheme and something behind it; or a path that could not be taken for one
_URI = re.compile(rf"(?:[A-Za-z][A-Za-z0-9+.\-]*:(?=[^#])|(?![^/?#]*:)){_CHARACTER}*(?:#{_CHARACTER}*)?")


def syntax(path: str, uri: str) -> Iterator[Violation]:
    if _URI.fullmatch(uri) is None:
        yield Violation(path, NO_URI)


def artifacts(at: str, given: Iterable[Fetch]) -> Iterator[Violation]:
    for index, one in enumerate(given):
        yield from syntax(f"{element(at, index)}/uri", one.uri)


def fetched(app: App, settings: Settings) -> Iterator[Violation]:
    yield from artifacts("/fetch", app.fetch)


URIS: tuple[Rule, ...] = (fetched,)
