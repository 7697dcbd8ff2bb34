"""A wheel built from the tree works where there is no tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.acceptance.cluster import ROOT, environment, local_cluster


def run(*command: str) -> str:
    done = subprocess.run(
        command, cwd="/", env=environment(PYTHONPATH=""), capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that the tree gets no build folder."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("mesos_py", "frameworks"):
        shutil.copytree(ROOT / name, folder / "tree" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "tree" / name)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", f"--wheel-dir={folder}", str(folder / "tree"))
    (built,) = folder.glob("*.whl")
    return built


def test_what_is_in_it(wheel: Path) -> None:
    """Both frameworks' packages and the type marker are in; tests are not; ``frameworks`` belongs to nobody."""
    names = zipfile.ZipFile(wheel).namelist()
    assert "mesos_py/py.typed" in names
    assert "frameworks/marathon_py/__init__.py" in names
    assert "frameworks/batch/__init__.py" in names
    assert "frameworks/__init__.py" not in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "examples/", "docs/"))]
    packages = {str(path.relative_to(ROOT)) for path in (ROOT / "mesos_py").rglob("*.py")}
    assert packages <= set(names)


def test_a_cluster_from_a_bare_environment(wheel: Path, tmp_path: Path) -> None:
    """Installed with nothing but its own dependencies, it runs a cluster and a task on it."""
    python = str(tmp_path / "venv" / "bin" / "python")
    run(sys.executable, "-m", "venv", str(tmp_path / "venv"))
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", str(wheel))
    program = str(tmp_path / "venv" / "bin" / "mesos-py")
    assert os.access(program, os.X_OK)
    imported = "import mesos_py, frameworks.marathon_py.definitions, frameworks.batch; print(mesos_py.__file__)"
    where = run(python, "-c", imported)
    assert where.startswith(str(tmp_path))
    with local_cluster("--agents=1", python=(program,), tree="") as cluster:
        assert run(program, "run", f"--master={cluster.address}", "--", "echo", "from a wheel") == "from a wheel\n"
