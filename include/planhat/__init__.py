"""Reading Planhat: objects in any of its shapes become rows of `raw_planhat.objects`.

    models.py       what is read: eighteen models, their fields, types and required fields
    exports.py      a folder of export files → objects found, each with its file and line
    encoding.py     UTF-8 or UTF-16
    json_files.py   JSON lines and JSON arrays, object by object
    csv_files.py    CSV as Planhat's UI gives it, typed per column; with its parts
        csv_text.py     delimiter, header, records
        headers.py      which field a header names
        columns.py      what each column has been: its type, and who decided it
        decimals.py     which mark begins the decimals of a column
        cells.py        one cell as its column's type
        swallowed.py    quotes that swallow rows
    check.py        one object found → a row that Postgres will take, or a reject with its reason
    objects.py      rows → raw_planhat.objects, set-based, one transaction a model
    deletions.py    what is not in a read: deleted, or withheld
    reading.py      `read_folder`: the whole of it
    api/            the live API

Whoever reads the live API yields `Found` objects too (origin: the API's path, line: the place in
the answer) and hands them to `objects.write_model`: the writer does not care where they came from.
"""

from include.planhat.reading import ReadReport, read_folder

__all__ = ["ReadReport", "read_folder"]
