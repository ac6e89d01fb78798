"""The sample's Planhat objects as a folder of exports: what `read_folder` reads.

Most models are JSON lines; campaigns are an array, as the API answers; invoices and opportunities
are CSV with the labels of Planhat's UI.
"""

import csv
import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from include.planhat.models import MODELS
from include.sample.documents import earlier_objects, objects

Fields = dict[str, Any]

# Planhat's labels, as its import templates and tables have them.
_CSV_LABELS = {
    "invoice": {
        "_id": "Id", "cId": "Company Id", "cName": "Company Name", "extId": "External Id",
        "sourceId": "Source Id", "currency": "Currency", "invoiceDate": "Invoice Date",
        "dueDate": "Due Date", "paidDate": "Paid Date", "invoiceNo": "Invoice No",
        "amountTotal": "Amount Total", "status": "Status",
    },
    "opportunity": {
        "_id": "Id", "companyId": "Company Id", "title": "Title", "salesStage": "Sales Stage",
        "dealDate": "Deal Date", "closeDate": "Close Date", "externalId": "External Id",
        "sourceId": "Source Id", "_currency": "Currency", "ownerId": "Owner Id", "mrr": "MRR",
        "arr": "ARR", "nrr": "NRR", "contractLength": "Contract Length", "status": "Status",
    },
}  # fmt: skip


def write_exports(folder: Path, base_date: date) -> list[Path]:
    """Write all export files of the sample into a folder; return them. Same date, same bytes."""
    return _write(folder, objects(base_date))


def write_earlier_exports(folder: Path, base_date: date) -> list[Path]:
    """Write companies and endusers as an earlier read found them, those since deleted included."""
    return _write(folder, earlier_objects(base_date))


def _write(folder: Path, by_model: dict[str, list[Fields]]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for model in MODELS:
        if model.name not in by_model:
            continue
        suffix, shape = _SHAPES.get(model.name, (".jsonl", _json_lines))
        path = folder / f"{model.path}{suffix}"
        path.write_bytes(shape(model.name, by_model[model.name]).encode())
        written.append(path)
    return written


def _json_lines(model: str, found: list[Fields]) -> str:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in found)


def _json_array(model: str, found: list[Fields]) -> str:
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def _csv(model: str, found: list[Fields]) -> str:
    labels = _CSV_LABELS[model]
    custom = sorted({name for each in found for name in each.get("custom", {})})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*labels.values(), *custom])
    for each in found:
        cells = [each.get(name) for name in labels]
        cells += [each.get("custom", {}).get(name) for name in custom]
        writer.writerow([_cell(value) for value in cells])
    return text.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


_SHAPES: dict[str, tuple[str, Callable[[str, list[Fields]], str]]] = {
    "campaign": (".json", _json_array),
    "invoice": (".csv", _csv),
    "opportunity": (".csv", _csv),
}
