"""The page in a browser: what is there is seen."""

from __future__ import annotations

import asyncio
import html
import re
import shutil
from pathlib import Path

import pytest

from tests.marathon.api.served import Site, served
from tests.marathon.app_of import app_of

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [pytest.mark.browser, pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")]


async def seen(site: Site, home: Path, view: str) -> str:
    """The text of the page, once it has asked for everything; before it listens to events, which never end."""
    assert BROWSER is not None
    browser = await asyncio.create_subprocess_exec(
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={home / view}",
        "--virtual-time-budget=900", "--dump-dom", f"http://127.0.0.1:{site.port}/ui/#{view}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(120):
            output, _ = await browser.communicate()
    finally:
        if browser.returncode is None:
            browser.kill()
            await browser.wait()
    found = re.search("<main.*</main>", output.decode(), re.DOTALL)
    assert found is not None, output
    return html.unescape(re.sub("<[^>]*>", " ", found[0]))


async def test_people_see_what_runs_what_waits_and_every_call(tmp_path: Path) -> None:
    big = app_of(id="/big", cmd="serve", cpus=1000)
    async with served(app_of(id="/web", cmd="serve", instances=2), big) as site:
        site.program.run()
        apps = await seen(site, tmp_path, "apps")
        assert re.search(r"/web\s+running\s+2 of 2", apps) and re.search(r"/big\s+waiting\s+0 of 1", apps), apps
        queue = await seen(site, tmp_path, "queue")
        assert "/big" in queue and "1 instance wait" in queue, queue
        calls = await seen(site, tmp_path, "api")
        assert re.search(r"DELETE\s+/v2/apps/{id}/tasks/{task}", calls), calls
