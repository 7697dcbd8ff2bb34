"""What docs/simulator.md tells its readers to type is true."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()


def test_its_examples_run() -> None:
    """One after the other, as a reader would in one file; each says itself what must hold."""
    blocks = re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3 and all("assert" in block for block in blocks)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/simulator.md", "exec"), names)
