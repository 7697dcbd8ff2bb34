"""One sentence from what programs write when they fail, as they wrote it."""

from __future__ import annotations

import pytest

from mesos_py.agent.provisioner.causes import LENGTH_MAX, cause

FATAL = 'time="2026-11-29T13:19:30Z" level=fatal msg='


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FATAL + r'"Error parsing image name \"docker://h/a:2\": reading manifest 2 in h/a: unauthorized: no"' + "\n",
         "reading manifest 2 in h/a: unauthorized: no"),
        (FATAL + r'"initializing source docker://h/a:2: reading manifest 2 in h/a: manifest unknown: manifest unknown"',
         "reading manifest 2 in h/a: manifest unknown"),
        (f'time="x" level=warning msg="old"\n{FATAL}timeout\n', "timeout"),
        (FATAL + r'"pinging h: Get \"https://h/v2/\": dial tcp 127.0.0.1:1: connect: connection refused"',
         'pinging h: Get "https://h/v2/": dial tcp 127.0.0.1:1: connect: connection refused'),
        (FATAL + r'"1 error occurred:\n\t* reading \"C:\\x\"\n\n"', '1 error occurred: * reading "C:\\x"'),
        ("   • unpacking ...\n   ⨯ create rootfs: unpack layer: no space left on device\n",
         "create rootfs: unpack layer: no space left on device"),
        ("mount: /m: wrong fs type, bad option.\n       dmesg(1) may have more information.\n",
         "mount: /m: wrong fs type, bad option."),
        ("setpriv: failed to execute skopeo: No such file or directory\n",
         "failed to execute skopeo: No such file or directory"),
        ("a \x1b[31mred\x1b[0m\x07 word\n", "a ?[31mred?[0m? word"),
        ("", ""),
        ("\n\n", ""),
    ],
)  # fmt: skip
def test_causes(text: str, said: str) -> None:
    assert cause(text) == said


def test_long_causes_keep_their_end() -> None:
    """The innermost cause is the last one, and a status is no place for a page."""
    said = cause(f"   ⨯ unpack entry: {'d/' * 5000}: file name too long\n")
    assert said.startswith("... ")
    assert said.endswith("d/: file name too long")
    assert len(said) == LENGTH_MAX
