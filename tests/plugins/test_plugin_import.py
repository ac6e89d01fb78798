"""The plugin's file is run by every Airflow process: it must cost them nothing."""

import json
import subprocess
import sys

import pytest

from include.settings import ROOT

pytestmark = pytest.mark.starts

PROBE = """
import json, sys
import airflow.plugins_manager
before = set(sys.modules)
from airflow._shared.plugins_manager import _load_plugins_from_plugin_directory
plugins, errors = _load_plugins_from_plugin_directory(sys.argv[1])
print(json.dumps({
    "plugins": [plugin.name for plugin in plugins],
    "errors": errors,
    "imported": sorted(set(sys.modules) - before),
}))
"""


def test_loading_the_plugins_folder_imports_the_plugin_and_nothing_of_ours():
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(ROOT / "plugins")],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])

    assert found["plugins"] == ["planhat_segment_page"]
    assert found["errors"] == {}
    ours = [name for name in found["imported"] if name.split(".")[0] in ("include", "plugins")]
    heavy = [
        name
        for name in found["imported"]
        if name.split(".")[0] in ("fastapi", "psycopg", "pandas", "dbt", "segment", "httpx")
    ]
    assert (ours, heavy) == ([], [])


def test_only_files_that_declare_a_plugin_lie_where_airflow_runs_them():
    # Airflow keeps each under its bare name: one called like a package would hide the package.
    ignored = (ROOT / "plugins" / ".airflowignore").read_text().splitlines()
    names = {file.name for file in (ROOT / "plugins").glob("*.py")} - set(ignored)

    assert names == {"planhat_segment_page.py"}
    assert {"page/", "alerts/"} <= set(ignored)
