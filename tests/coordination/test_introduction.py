"""What candidates say of themselves, and where their masters are found."""

from __future__ import annotations

import pytest

from mesos_py.coordination.introduction import address_of, checked, name_of, read, written
from mesos_py.master.options import Options
from mesos_py.master.server import master_info
from mesos_py.wire.schema import evolve

MESOS = (
    b'{"address":{"hostname":"h","ip":"10.0.0.1","port":5050},"capabilities":[{"type":"AGENT_UPDATE"},'
    b'{"type":"AGENT_DRAINING"},{"type":"QUOTA_V2"}],"hostname":"h","id":"uuid","ip":16777226,'
    b'"pid":"master@10.0.0.1:5050","port":5050,"version":"1.12.0"}'
)


def test_byte_for_byte_as_mesos() -> None:
    """Members in the order of their names, as its JSON::Object has them, and read again."""
    info = evolve(master_info(Options(ip="10.0.0.1", hostname="h"), 5050), id="uuid")
    assert written(info) == MESOS
    assert read(MESOS) == info


@pytest.mark.parametrize(
    ("more", "address", "name"),
    [
        ("", "127.0.0.1:5050", "127.0.0.1:5050"),
        (',"hostname":""', "127.0.0.1:5050", "127.0.0.1:5050"),
        (',"hostname":"h"', "h:5050", "h:5050"),
        (',"hostname":"::1"', "[::1]:5050", "[::1]:5050"),
        (',"hostname":"h","address":{"port":1,"ip":"fe80::2"}', "[fe80::2]:1", "h:5050"),
        (',"hostname":"h","address":{"port":1,"hostname":"g"}', "g:1", "h:5050"),
    ],
)
def test_where_a_master_is(more: str, address: str, name: str) -> None:
    """Whatever it says of that, and if it is only the number that every version says."""
    info = read(f'{{"id":"x","ip":16777343,"port":5050{more}}}'.encode())
    assert (address_of(info), name_of(info)) == (address, name)


@pytest.mark.parametrize(
    "more",
    [
        ',"hostname":"a b"', ',"hostname":"h/x"', ',"hostname":"h\\r\\nX: y"', ',"hostname":" h"', ',"hostname":"u@h"',
        ',"address":{"port":70000,"ip":"10.0.0.1"}', ',"address":{"port":0,"ip":"10.0.0.1"}',
        ',"address":{"port":1,"ip":"evil\\n"}',
    ],
)  # fmt: skip
def test_what_leads_nowhere(more: str) -> None:
    """Whoever may write there could otherwise send our clients anywhere, with headers of his own."""
    info = read(f'{{"id":"x","ip":16777343,"port":5050{more}}}'.encode())
    with pytest.raises(ValueError, match="is no host:port"):
        checked(info)


def test_a_master_on_ipv6() -> None:
    """Its pid can be taken apart again."""
    info = master_info(Options(ip="::1"), 5050)
    assert (info.pid, info.ip, address_of(info), name_of(info)) == ("master@[::1]:5050", 0, "[::1]:5050", "[::1]:5050")
