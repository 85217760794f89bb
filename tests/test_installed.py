"""`pip install .` into an environment of its own: the command and the module work from another folder."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]

USED = """
import token_audit, configs, flows, tasks, warehouse
from pathlib import Path
for module in (token_audit, configs, flows, tasks, warehouse):
    assert "site-packages" in module.__file__ and Path(module.__file__).is_relative_to(HERE), module.__file__
from warehouse import query, seed
seed("word_types.csv"), query("report/brief")
from tasks.pages.rules import meanings
assert "spurious" in meanings()
print(token_audit.audit.__name__, token_audit.explain.__name__)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The packages of this environment are seen in the new one, but for token-audit itself."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    python = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "--quiet"]
    installed = subprocess.run(
        [*pip, "install", "--no-deps", "--no-build-isolation", "--ignore-installed", "--no-cache-dir", ROOT],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    return folder


def called(folder, *words):
    apart = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(words, cwd=folder, env=apart, capture_output=True, text=True, timeout=60, check=False)


def test_the_module_and_what_it_reads_are_installed(environment):
    code = f"HERE = {str(environment)!r}\n{USED}"
    found = called(environment, environment / "venv/bin/python", "-c", code)
    assert found.returncode == 0, found.stderr
    assert found.stdout == "audit explain\n"


def test_the_command_is_installed_and_says_its_version(environment):
    found = called(environment, environment / "venv/bin/token-audit", "--version")
    version = next(line for line in (ROOT / "pyproject.toml").read_text().splitlines() if line.startswith("version"))
    assert found.stdout == f"token-audit {version.split(chr(34))[1]}\n", found.stderr


def test_importing_the_module_loads_no_torch(environment):
    code = "import sys, token_audit; print('torch' in sys.modules, 'prefect' in sys.modules)"
    assert called(environment, environment / "venv/bin/python", "-c", code).stdout == "False False\n"
