"""One dbt build: under the lock, with its window and settings written down, in this process.

dbt runs inside the process that holds the lock, so that neither can outlive the other. What a
build saw and what became of each model stands in `sync.builds`.

    making.py     from the lock to the report: `build`
    lock.py       one at a time
    inputs.py     what it sees: the day, the settings, the code
    project.py    the files of the dbt project
    profile.py    for dbt by hand
    docs_site.py  pages of tables, columns and where columns come from
    dbt.py        dbt in this process
    quick_dbt.py  without what costs it time and changes nothing
    new_rows.py   a build that leaves out what no new row reaches
    verify.py     a model made whole beside the truth, and compared
    after_failures.py  when the schedule tries again what failed
    failures.py   what dbt says of a node that failed, in one line
    for_forgetting.py  the builds that forgetting people makes
    records.py    its row in `sync.builds`, and whether the last one still stands
"""

from include.build.after_failures import TooSoonError
from include.build.dbt import dbt_options, warehouse_environment
from include.build.lock import LOCK
from include.build.making import build
from include.build.project import PROJECT
from include.build.records import BuildError, BuildReport

__all__ = [
    "LOCK", "PROJECT", "BuildError", "BuildReport", "TooSoonError", "build", "dbt_options",
    "warehouse_environment",
]  # fmt: skip
