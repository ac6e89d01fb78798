"""What dbt and dbt-colibri know of the project, as pages that ask no other host: `make docs`."""

import json
import logging
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

# What the pages are given stands in them: they load nothing, and report to nobody.
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'unsafe-inline\''
    " 'unsafe-eval' data: blob:; connect-src data: blob:; form-action 'none'\">"
)


def write_pages(target: Path, folder: Path) -> list[Path]:
    """Two pages in `folder` of what `dbt docs generate --static` left in `target`.

    `index.html`: models, columns, tests, exposures; `columns.html`: which column comes of which.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    index, columns = folder / "index.html", folder / "columns.html"
    shutil.copy(target / "static_index.html", index)
    with TemporaryDirectory(dir=folder) as scratch:
        _generate_lineage(target, Path(scratch))
        shutil.move(Path(scratch) / "index.html", columns)
        shutil.move(Path(scratch) / "colibri-manifest.json", folder / "columns.json")
    for page in (index, columns):
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace("<head>", f"<head>{_POLICY}", 1), encoding="utf-8")
    return [index, columns]


def origins(folder: Path) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """(model, column) → the columns that it comes of, one step up, of the pages in `folder`."""
    lineage = json.loads((folder / "columns.json").read_text(encoding="utf-8"))["lineage"]
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for edge in lineage["edges"]:
        # between models as such there is an edge without columns too
        if edge.get("sourceColumn") and edge.get("targetColumn"):
            to = edge["target"].split(".")[-1], edge["targetColumn"]
            of = edge["source"].split(".")[-1], edge["sourceColumn"]
            found.setdefault(to, set()).add(of)
    return found


def _generate_lineage(target: Path, folder: Path) -> None:
    from dbt_colibri.lineage_extractor.extractor import DbtColumnLineageExtractor
    from dbt_colibri.report.generator import DbtColibriReportGenerator

    # of a column that it cannot follow it says so on stdout, each by itself
    logging.getLogger("colibri").setLevel(logging.CRITICAL)
    extractor = DbtColumnLineageExtractor(
        str(target / "manifest.json"), str(target / "catalog.json")
    )
    DbtColibriReportGenerator(extractor, disable_telemetry=True).generate_report(str(folder))
