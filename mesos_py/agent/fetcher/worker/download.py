"""http and https: one request per hop, redirects judged and bounded, the final status exactly 200.

Every host name is resolved once, its addresses are judged, and the connection goes to an address that was judged: a
name that resolves differently the second time gains nothing. Addresses in `denied_networks` are refused (link-local
ones among them, where clouds keep what their machines know); loopback is refused as the target of a redirect from
elsewhere, and so is a redirect to any scheme but http and https (X07, spec/faults.md). Proxies of the environment are
not used.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import urllib.parse
from contextlib import contextmanager

from .problem import FetchError
from .sandbox import CHUNK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .sandbox import Sink

REDIRECTS = frozenset({301, 302, 303, 307, 308})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Limits:
    """Bounds of one download, by the names of their flags."""

    def __init__(
        self, *, stall_timeout_s: float, download_max: int, redirects_max: int, denied_networks: list[str]
    ) -> None:
        self.stall_timeout_s = stall_timeout_s
        self.download_max = download_max
        self.redirects_max = redirects_max
        self.denied_networks = [ipaddress.ip_network(text) for text in denied_networks]


def download(url: str, make: Callable[[], Sink], limits: Limits) -> int:
    """The bytes written to what `make` makes once there is something to write. Raises FetchError; then nothing is."""
    with _explained(url, limits), _answer("GET", url, limits) as response:
        return _receive(response, make, limits, url)


def size_of(url: str, limits: Limits) -> int | None:
    """What a download will bring, if the server says so. Raises FetchError."""
    with _explained(url, limits), _answer("HEAD", url, limits) as response:
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdecimal() else None


@contextmanager
def _explained(url: str, limits: Limits) -> Iterator[None]:
    """What may go wrong on the way has a sentence."""
    try:
        yield
    except TimeoutError as exc:
        stalled = f"stalled for {limits.stall_timeout_s:g} s (fetcher_stall_timeout)"
        raise FetchError(f"Error downloading resource '{url}': {stalled}") from exc
    except (OSError, http.client.HTTPException, ValueError) as exc:
        raise FetchError(f"Error downloading resource '{url}': {exc or type(exc).__name__}") from exc


@contextmanager
def _answer(method: str, url: str, limits: Limits) -> Iterator[http.client.HTTPResponse]:
    """The final answer, after redirects, whose status is 200."""
    first = url
    was_loopback = True
    for hop in range(limits.redirects_max + 1):
        connection, path, is_loopback = _connect(url, limits, may_be_loopback=hop == 0 or was_loopback)
        try:
            headers = {"User-Agent": "mesos_py fetcher", "Accept-Encoding": "identity"}
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            if response.status in REDIRECTS and response.headers.get("Location"):
                url = _next(url, response.headers["Location"])
                was_loopback = is_loopback
                continue
            if response.status != 200:
                raise FetchError(f"Error downloading resource '{first}': HTTP response status {response.status}")
            yield response
            return
        finally:
            connection.close()
    raise FetchError(f"Error downloading resource '{first}': more than {limits.redirects_max} redirects")


def _receive(response: http.client.HTTPResponse, make: Callable[[], Sink], limits: Limits, url: str) -> int:
    too_large = f"Error downloading resource '{url}': larger than {limits.download_max} bytes (download_max)"
    if (response.length or 0) > limits.download_max:
        raise FetchError(too_large)
    expected = response.length
    with make() as output:
        # read1 gives what has come, so that the stall timeout means silence and not slowness.
        while data := response.read1(CHUNK):
            if output.size + len(data) > limits.download_max:
                raise FetchError(too_large)
            output.write(data)
        if expected is not None and output.size != expected:
            raise FetchError(f"Error downloading resource '{url}': ended after {output.size} of {expected} bytes")
        return output.size


def _next(url: str, location: str) -> str:
    target = urllib.parse.urljoin(url, location)
    scheme = urllib.parse.urlsplit(target).scheme
    if scheme not in {"http", "https"}:
        raise FetchError(f"redirect from '{url}' to '{target}' refused: not http or https")
    return target


def _connect(url: str, limits: Limits, *, may_be_loopback: bool) -> tuple[http.client.HTTPConnection, str, bool]:
    """A connection to a judged address, the request path, and whether the address is loopback."""
    try:
        split = urllib.parse.urlsplit(url)
        host, port = split.hostname, split.port or (443 if split.scheme == "https" else 80)
        if not host:
            raise ValueError("no host")
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (ValueError, OSError) as exc:
        raise FetchError(f"Error downloading resource '{url}': {exc}") from exc
    judged = [(entry, _judge(entry[4][0], url, limits, may_be_loopback)) for entry in found]
    problem: OSError | None = None
    for (family, kind, protocol, _, address), is_loopback in judged:
        plain = socket.socket(family, kind, protocol)
        plain.settimeout(limits.stall_timeout_s)
        try:
            plain.connect(address)
            connection = _wrap(split.scheme, host, port, plain, limits)
        except OSError as exc:
            plain.close()
            problem = exc
            continue
        return connection, _request_path(split), is_loopback
    raise FetchError(f"Error downloading resource '{url}': {problem}")


def _request_path(split: urllib.parse.SplitResult) -> str:
    """Path and query with what may not stand in a request line quoted; what is quoted already stays."""
    safe = "/%:@!$&'()*+,;=~-._?"
    path = urllib.parse.quote(split.path or "/", safe=safe)
    return path + "?" + urllib.parse.quote(split.query, safe=safe) if split.query else path


def _wrap(scheme: str, host: str, port: int, plain: socket.socket, limits: Limits) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(host, port, timeout=limits.stall_timeout_s)
    if scheme == "https":
        connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        # http.client leaves the port out of Host only when it is the default of its own scheme.
        connection.default_port = 443
    else:
        connection.sock = plain
    return connection


def _judge(text: str | int, url: str, limits: Limits, may_be_loopback: bool) -> bool:
    """Whether the address is loopback; raises FetchError when it must not be connected to."""
    address: Address = ipaddress.ip_address(str(text).partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    for network in limits.denied_networks:
        if address in network:
            raise FetchError(f"'{url}' refused: {address} is in {network} (fetcher_denied_networks)")
    if address.is_multicast or address.is_unspecified:
        raise FetchError(f"'{url}' refused: {address} is not the address of a server")
    if address.is_loopback and not may_be_loopback:
        raise FetchError(f"redirect to '{url}' refused: {address} is a loopback address")
    return address.is_loopback
