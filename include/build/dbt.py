"""dbt in this process: with the warehouse's connection, its options, and what became of nodes."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from include.build import project
from include.build.failures import reason
from include.build.quick_dbt import make_quick
from include.connections import LIBPQ_OPTIONS
from include.settings import Settings

SAY_EVERY_SECONDS = 5
# What a build's sessions have beyond the server's settings.
_SESSION = {
    "maintenance_work_mem": "256MB",  # indexes of millions of rows are made without files
    "max_parallel_maintenance_workers": "1",  # beside the session: models are made side by side
    "parallel_tuple_cost": "0.01",  # reading a call costs far more than handing it over
}


def run_dbt(
    url: str,
    settings: Settings,
    *,
    as_of: date,
    full: bool,
    say: Callable[[str], None],
    select: str | None = None,
    alongside: Mapping[str, str] | None = None,
) -> tuple[list[dict[str, Any]], str | None]:
    """Every node's result, and what went wrong before there was any."""
    # Unit tests belong to `make test`: a build proves its data, not its rules.
    arguments = ["run"] if alongside else ["build", "--exclude", "test_type:unit"]
    if full:
        arguments.append("--full-refresh")
    if select is not None:
        arguments += ["--select", select]
    with Dbt(url, settings, as_of=as_of, say=say, variables=alongside or {}) as dbt:
        return dbt.run(arguments)


class Dbt:
    """dbt with the warehouse's connection; what it has read of the project serves several runs."""

    def __init__(
        self,
        url: str,
        settings: Settings,
        *,
        as_of: date,
        say: Callable[[str], None],
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._say = say
        self._manifest: Any = None
        self._variables: dict[str, Any] = {"in_build": True, **(variables or {})}
        # No variable of dbt's: for another day, dbt would read the whole project anew.
        self._environment = _environment({**warehouse_environment(url), "BUILD_AS_OF": str(as_of)})
        self._options = [
            *dbt_options(settings), "--log-level", "none",
            # nobody reads what dbt would write of each model and result into files
            "--no-write-json",
        ]  # fmt: skip

    def __enter__(self) -> "Dbt":
        self._environment.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._environment.__exit__(None, None, None)

    def set_variables(self, more: Mapping[str, Any]) -> None:
        """Variables for what is run from now on: dbt reads nothing of the project anew for them."""
        self._variables |= more

    def read_project(self) -> tuple[Any, str | None]:
        """dbt's manifest, or what is wrong with the project.

        What is changed of it holds for what is run then.
        """
        outcome = self._invoke(["parse"])
        self._manifest = outcome.result
        return outcome.result, None if outcome.success else _why(outcome.exception)

    def run(self, arguments: list[str]) -> tuple[list[dict[str, Any]], str | None]:
        """Every node's result, and what went wrong."""
        if arguments[0] == "build":
            # the same order in a tenth of the time
            arguments = [*arguments, "--use-fast-test-edges"]
        outcome = self._invoke(arguments)
        results = getattr(outcome.result, "results", None) or []
        nodes = [_node(result) for result in results]
        if outcome.success:
            return nodes, None
        failed = [node for node in nodes if node["status"] in ("error", "fail", "runtime error")]
        if failed:
            names = "; ".join(f"{node['node']} ({node['message']})" for node in failed[:3])
            more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
            return nodes, f"{names}{more}"
        return nodes, _why(outcome.exception)

    def _invoke(self, arguments: list[str]) -> Any:
        from dbt.cli.main import dbtRunner

        make_quick()
        runner = dbtRunner(manifest=self._manifest, callbacks=[_progress(self._say)])
        return runner.invoke([*arguments, *self._options, "--vars", json.dumps(self._variables)])


def _why(exception: BaseException | None) -> str:
    # some of dbt's exceptions have no text
    why = str(exception or "") or type(exception).__name__
    said = reason(why if exception else "dbt failed without a reason")
    # which file it is stands in a heading
    where = re.search(r"\([\w/.-]+\.(?:sql|yml)\)", why)
    return f"{said} {where[0]}" if where and where[0] not in said else said


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """These variables for dbt, and for nothing that this process connects to or starts later."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def warehouse_environment(url: str) -> dict[str, str]:
    """The variables that `include/build/profiles.yml` reads the connection from."""
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    names = {each.keyword.decode(): each.envvar for each in Conninfo.get_defaults()}
    return {
        # how to encrypt, and whatever else the connection says: libpq reads it from there
        **{
            variable.decode(): parts[name]
            for name, variable in names.items()
            if variable and name in parts and name in LIBPQ_OPTIONS
        },
        "WAREHOUSE_HOST": parts.get("host", "127.0.0.1"),
        "WAREHOUSE_PORT": parts.get("port", "5432"),
        "WAREHOUSE_USER": parts.get("user", ""),
        "WAREHOUSE_PASSWORD": parts.get("password", ""),
        "WAREHOUSE_DATABASE": parts.get("dbname", ""),
        # Times without a zone are UTC, whatever the server's setting says.
        "PGTZ": "UTC",
        "PGOPTIONS": " ".join(
            [parts.get("options", ""), *(f"-c {name}={value}" for name, value in _SESSION.items())]
        ).strip(),
    }


def dbt_options(settings: Settings) -> list[str]:
    """The options of every dbt command: where the project is, and where dbt may write.

    That folder is made here, for its owner alone: dbt's log quotes rows.
    """
    scratch = settings.data_dir / "dbt"
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [
        "--project-dir", str(project.PROJECT), "--profiles-dir", str(Path(__file__).parent),
        "--target-path", str(scratch / "target"), "--log-path", str(scratch / "logs"),
        "--threads", str(settings.dbt_threads),
    ]  # fmt: skip


def _progress(say: Callable[[str], None]) -> Callable[[Any], None]:
    said, done = time.monotonic(), 0

    def on_event(event: Any) -> None:
        nonlocal said, done
        if event.info.name in ("LogModelResult", "LogTestResult"):
            now = time.monotonic()
            done += 1
            if now - said > SAY_EVERY_SECONDS:
                # the two events name the same number differently
                total = getattr(event.data, "total", None) or event.data.num_models
                say(f"  {done} of {total} built")
                said = now

    return on_event


def _node(result: Any) -> dict[str, Any]:
    answer = result.adapter_response or {}
    rows = answer.get("rows_affected")
    return {
        "node": result.node.name,
        "kind": str(result.node.resource_type),
        "status": str(result.status),
        "seconds": round(result.execution_time, 3),
        "rows": rows if isinstance(rows, int) and rows >= 0 else None,
        # only of what failed: a database's message may quote a value
        "message": reason(result.message) if str(result.status) != "success" else None,
    }
