"""The files of the dbt project, as a build looks at them."""

import hashlib

from include.settings import ROOT

PROJECT = ROOT / "dbt_project"


def fingerprint() -> str:
    """A hash over every file of the dbt project that can change a table."""
    digest = hashlib.sha256()
    for folder in ("models", "macros", "materializations", "seeds", "tests"):
        for file in sorted((PROJECT / folder).rglob("*")):
            if file.suffix in (".sql", ".yml", ".csv") and file.name != "unit_tests.yml":
                digest.update(str(file.relative_to(PROJECT)).encode() + b"\0")
                digest.update(file.read_bytes())
    digest.update((PROJECT / "dbt_project.yml").read_bytes())
    return digest.hexdigest()[:16]
