"""A DAG run's parameters: those that its DAG has, and no others."""

from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from include.errors import SettingError
from include.nearest import refuse_unknown


def refuse_unknown_parameters(context: Any) -> None:
    """Fail the task, and with it the run, when the run's conf has a key that the DAG does not know.

    Airflow checks the values of known keys when a run is triggered, and takes any other key without
    a word: `{"model": ["campaign"]}` would be a run with the default, which is every model.
    """
    conf = context["dag_run"].conf or {}
    try:
        refuse_unknown(conf, context["dag"].params, "parameter")
    except SettingError as wrong:
        raise AirflowFailException(f"{wrong} Nothing was done.") from None
