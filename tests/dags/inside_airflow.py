"""What the tests ask of Airflow: `python tests/dags/inside_airflow.py`, then one question a line.

    describe
    run <dag id> <conf as JSON>
    run_once <dag id> <conf as JSON>
    run_until_asked <dag id> <conf as JSON>
    switch <dag id> <on or off>
    time_out <dag id> <run id>
    validate <dag id> <conf as JSON> …
    answer <dag id> <question as JSON> <chosen>

The tests' own process never imports Airflow: it would keep its configuration for every other test.
Importing it takes longer than most answers, so it is done once. Each question is answered by a fork
with an environment of its own, which loads the DAGs anew and ends; its last line is JSON.
"""

import ast
import importlib
import inspect
import json
import os
import sys
import threading
import time
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def load() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags"))


def describe() -> dict[str, Any]:
    bag = load()
    return {
        "import_errors": {
            Path(file).name: error.strip().splitlines()[-1]
            for file, error in bag.import_errors.items()
        },
        "dags": {dag_id: _dag(dag) for dag_id, dag in bag.dags.items()},
    }


def _dag(dag: Any) -> dict[str, Any]:
    return {
        "file_docs": inspect.cleandoc(
            ast.get_docstring(ast.parse(Path(dag.fileloc).read_text())) or ""
        ),
        "docs": inspect.cleandoc(dag.doc_md or ""),
        "display_name": dag.dag_display_name,
        "description": dag.description,
        # None: it runs when something is there for it, not by the clock
        "cron": getattr(dag.schedule, "expression", None),
        "timezone": str(getattr(dag.schedule, "timezone", "")),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "start_date": dag.start_date and str(dag.start_date),
        "tags": sorted(dag.tags),
        "timeout": _seconds(dag.dagrun_timeout),
        "has_failure_callback": bool(dag.on_failure_callback),
        "starts_paused": dag.is_paused_upon_creation,
        "params": {name: dag.params.get_param(name).schema for name in dag.params},
        "descriptions": {name: dag.params.get_param(name).description for name in dag.params},
        "tasks": {
            task.task_id: {
                "display_name": task.task_display_name,
                "docs": _docs(task),
                "retries": task.retries,
                "timeout": _seconds(task.execution_timeout),
                "trigger_rule": str(task.trigger_rule.value),
                "map_index_template": task.map_index_template,
            }
            for task in dag.tasks
        },
    }


def _docs(task: Any) -> str | None:
    """A function's, or those of an operator's class of our own."""
    described = getattr(task, "python_callable", None) or getattr(
        task, "operator_class", type(task)
    )
    return described.__doc__


def _seconds(value: timedelta | None) -> float | None:
    return value.total_seconds() if value else None


def run(dag_id: str, conf: str) -> dict[str, Any]:
    return _outcome(load().dags[dag_id].test(run_conf=json.loads(conf)))


def run_once(dag_id: str, conf: str) -> dict[str, Any]:
    """The same, but no task is tried again: between two tries half a minute passes."""
    dag = load().dags[dag_id]
    for task in dag.tasks:
        task.retries = 0
    return _outcome(dag.test(run_conf=json.loads(conf)))


def run_until_asked(dag_id: str, conf: str) -> dict[str, Any]:
    """The same, but it ends when somebody is waited for: `dag.test` would wait for ever."""
    after = _last_run()

    def watch() -> None:
        try:
            _end_when_asked(after, dag_id)
        except BaseException:
            traceback.print_exc()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    return run(dag_id, conf)


def _last_run() -> int:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        return max((made.id for made in session.query(DagRun)), default=0)


def _end_when_asked(after: int, dag_id: str) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    while True:
        time.sleep(0.5)
        with create_session() as session:
            made = session.query(DagRun).filter(DagRun.dag_id == dag_id, DagRun.id > after).first()
            waiting = made and session.query(TaskInstance).filter(
                TaskInstance.dag_id == dag_id, TaskInstance.run_id == made.run_id,
                TaskInstance.state == "awaiting_input",
            ).count()  # fmt: skip
            if waiting:
                print("\n" + json.dumps(_outcome(made), default=str), flush=True)
                os._exit(0)


def _outcome(made: Any) -> dict[str, Any]:
    return {
        "run_id": made.run_id,
        "state": str(getattr(made.state, "value", made.state)),
        "events": _events(made.run_id),
        "note": _note(made.run_id),
        "tasks": [
            {
                "task_id": each.task_id,
                "map_index": each.map_index,
                "name": each.rendered_map_index,
                "state": each.state and str(each.state),
                "tries": each.try_number,
                "value": each.xcom_pull(task_ids=each.task_id, map_indexes=each.map_index),
            }
            for each in sorted(
                made.get_task_instances(), key=lambda each: (each.task_id, each.map_index)
            )
        ],
    }


def _note(run_id: str) -> str | None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        return session.query(DagRun).filter(DagRun.run_id == run_id).one().note


def _events(run_id: str) -> list[str]:
    """The assets that the run's tasks have changed."""
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        found = session.query(AssetEvent).filter(AssetEvent.source_run_id == run_id).all()
        return [event.asset.name for event in found]


def switch(dag_id: str, position: str) -> dict[str, Any]:
    """Pause or unpause the DAG, known to Airflow from then on."""
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
        session.flush()
        session.merge(
            DagModel(dag_id=dag_id, bundle_name="dags-folder", is_paused=position != "on")
        )
    return {}


def time_out(dag_id: str, run_id: str) -> dict[str, Any]:
    """As the dag processor calls it when a run reached its time limit."""
    dag = load().dags[dag_id]
    dag.on_failure_callback({"dag": dag, "run_id": run_id, "reason": "timed_out"})
    return {}


def validate(dag_id: str, *confs: str) -> dict[str, Any]:
    """Which of these parameters Airflow takes for a trigger."""
    from airflow.sdk.definitions.param import ParamsDict
    from airflow.sdk.exceptions import ParamValidationError

    dag = load().dags[dag_id]
    accepted = []
    for conf in confs:
        params = ParamsDict({name: dag.params.get_param(name) for name in dag.params})
        try:
            params.update(json.loads(conf))
            params.validate()
        except ParamValidationError:
            continue
        accepted.append(conf)
    return {"accepted": accepted}


def answer(dag_id: str, question: str, chosen: str) -> dict[str, Any]:
    """As Airflow calls the waiting task once somebody has answered."""
    operator = load().dags[dag_id].get_task("ask").operator_class
    waiting = operator(task_id="ask", options=[chosen], **json.loads(question))
    event = {
        "chosen_options": [chosen],
        "params_input": {},
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": "1", "name": "jo"},
    }
    try:
        return {"kept": waiting.execute_complete({}, event)}
    except Exception as error:
        return {"refused": f"{type(error).__name__}: {error}"}


def answer_questions() -> None:
    """Read questions, `{"arguments", "environment", "output"}`; say each one's exit code."""
    codes = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Airflow writes its own log there
    for name in ("dag_processing.dagbag", "api_fastapi.execution_api.app", "models", "sdk",
                 "sdk.execution_time.supervisor", "sdk.execution_time.task_runner"):  # fmt: skip
        importlib.import_module(f"airflow.{name}")
    importlib.import_module("airflow.api_fastapi.execution_api.routes")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _answer_and_end(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=codes, flush=True)


def _answer_and_end(question: dict[str, Any]) -> None:
    code = 1
    try:
        os.environ.clear()
        os.environ.update(question["environment"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in ((1, "stdout"), (2, "stderr")):
            file = os.path.join(question["output"], name)
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        name, *arguments = question["arguments"]
        print("\n" + json.dumps(globals()[name](*arguments), default=str), flush=True)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    answer_questions()
