"""What the tests ask of Airflow, in a process of its own: it answers with JSON on its last line.

    python tests/dags/inside_airflow.py describe
    python tests/dags/inside_airflow.py run <dag id> <conf as JSON>
    python tests/dags/inside_airflow.py time_out <dag id> <run id>
    python tests/dags/inside_airflow.py validate <dag id> <conf as JSON>

The tests' own process never imports Airflow: it would keep its configuration for every other test.
"""

import ast
import inspect
import json
import sys
from datetime import timedelta
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
        "cron": dag.schedule.expression,
        "timezone": str(dag.schedule.timezone),
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
                "docs": task.python_callable.__doc__ if hasattr(task, "python_callable") else "",
                "retries": task.retries,
                "timeout": _seconds(task.execution_timeout),
                "trigger_rule": str(task.trigger_rule.value),
                "map_index_template": task.map_index_template,
            }
            for task in dag.tasks
        },
    }


def _seconds(value: timedelta | None) -> float | None:
    return value.total_seconds() if value else None


def run(dag_id: str, conf: str) -> dict[str, Any]:
    dag = load().dags[dag_id]
    made = dag.test(run_conf=json.loads(conf))
    instances = made.get_task_instances()
    return {
        "run_id": made.run_id,
        "state": str(made.state.value),
        "tasks": [
            {
                "task_id": each.task_id,
                "map_index": each.map_index,
                "name": each.rendered_map_index,
                "state": each.state and str(each.state),
                "value": each.xcom_pull(task_ids=each.task_id, map_indexes=each.map_index),
            }
            for each in sorted(instances, key=lambda each: (each.task_id, each.map_index))
        ],
    }


def time_out(dag_id: str, run_id: str) -> dict[str, Any]:
    """As the dag processor calls it when a run reached its time limit."""
    dag = load().dags[dag_id]
    dag.on_failure_callback({"dag": dag, "run_id": run_id, "reason": "timed_out"})
    return {}


def validate(dag_id: str, conf: str) -> dict[str, Any]:
    """What Airflow's API says of a trigger with these parameters."""
    from airflow.sdk.definitions.param import ParamsDict

    dag = load().dags[dag_id]
    params = ParamsDict({name: dag.params.get_param(name) for name in dag.params})
    try:
        params.update(json.loads(conf))
        return {"accepted": params.validate()}
    except Exception as error:
        return {"refused": str(error)}


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    print("\n" + json.dumps(globals()[name](*arguments), default=str))
