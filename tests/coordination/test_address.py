"""What may stand after --zk and --master."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesos_py.coordination.address import AddressError, MasterAddress, ZooKeeperAddress, parse_address

GOOD = {
    "zk://a/mesos": ZooKeeperAddress(("a:2181",), "/mesos"),
    "zk://a:1,b:2,c/mesos": ZooKeeperAddress(("a:1", "b:2", "c:2181"), "/mesos"),
    "zk://a/one/two/": ZooKeeperAddress(("a:2181",), "/one/two"),
    "zk://user:secret@a:1,b/mesos": ZooKeeperAddress(("a:1", "b:2181"), "/mesos", "user:secret"),
    "zk://user:p@ss:w,rd@a/mesos": ZooKeeperAddress(("a:2181",), "/mesos", "user:p@ss:w,rd"),
    "zk://[::1]:5,[fe80::2]/mesos": ZooKeeperAddress(("[::1]:5", "[fe80::2]:2181"), "/mesos"),
    " host:5050\n": MasterAddress("host", 5050),
    "host": MasterAddress("host", 5050),
    "10.0.0.1:80": MasterAddress("10.0.0.1", 80),
    "[::1]:80": MasterAddress("::1", 80),
}

BAD = {
    "": "no host:port",
    "host:": "no host:port",
    "host:0": "no host:port",
    "host:65536": "no host:port",
    "host:port": "no host:port",
    "::1": "no host:port",
    "http://host:80": "use zk://",
    "zk://": "expecting a (chroot) path",
    "zk://a": "expecting a (chroot) path",
    "zk://a/": "'/' is not supported",
    "zk:///mesos": "no host:port",
    "zk://a,,b/mesos": "no host:port",
    "zk://a//mesos//x": "no path that ZooKeeper allows",
    "zk://a/x/../y": "no path that ZooKeeper allows",
    "zk://user@a/mesos": "expecting user:password",
    "zk://:x@a/mesos": "expecting user:password",
    "zk://a/mesos/@": "neither a password with a / nor a path with an @",
    "user:x@host:5050": "a user and a password go with zk:// only",
    "file:///does/not/exist": "cannot be read",
}


@pytest.mark.parametrize("text", GOOD, ids=repr)
def test_good(text: str) -> None:
    """Hosts with their ports, the path without a slash at its end."""
    assert parse_address(text) == GOOD[text]


@pytest.mark.parametrize("text", BAD, ids=repr)
def test_bad(text: str) -> None:
    """The message says what is wrong with it."""
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert BAD[text] in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "zk://user:secret@a/mesos", "zk://user:secret@a/", "zk://secret@a/mesos", "zk://user:p@secret@a/",
        "zk://user:p@secret@a:x/mesos", "zk://user:x/secret@a/mesos", "zk://user:secret/x@a/mesos",
        "user:secret@host:5050", "http://user:secret@host/mesos", "user:secret:5050@zk://host",
    ],
)  # fmt: skip
def test_no_password_is_shown(text: str) -> None:
    """Neither in logs nor in error messages (I17)."""
    try:
        shown = parse_address(text)
        assert "secret" not in repr(shown) + str(shown)
    except AddressError as error:
        assert "secret" not in str(error)


def test_from_a_file(tmp_path: Path) -> None:
    """So that a password need not stand on the command line."""
    file = tmp_path / "masters"
    file.write_text("zk://user:secret@a/mesos\n")
    assert parse_address(f"file://{file}") == ZooKeeperAddress(("a:2181",), "/mesos", "user:secret")
    file.write_text(f"file://{file}")
    with pytest.raises(AddressError, match="another file"):
        parse_address(f"file://{file}")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(AddressError, match="cannot be read"):
        parse_address(f"file://{file}")


def test_text_and_back() -> None:
    """What is shown can be read again, but for the password."""
    for address in GOOD.values():
        if not isinstance(address, ZooKeeperAddress) or address.credentials is None:
            assert parse_address(str(address)) == address
