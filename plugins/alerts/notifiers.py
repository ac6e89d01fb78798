"""What tasks tell people when they end. Each message once: what was told is kept in `sync.*`."""

import logging
from typing import Any

from airflow.sdk import BaseNotifier, Connection

from include.connections import (
    Kind,
    planhat_connection_of,
    postgres_url,
    segment_connection_of,
)
from plugins.alerts.channels import channel

log = logging.getLogger(__name__)

# Names the connection that alerts of pushes go to.
PUSH_ALERTS = "push_alerts"
# And alerts of usage: other people want to know of those.
USAGE_ALERTS = "usage_alerts"
PUSH_DAG = "push_planhat_to_segment"


class TellPush(BaseNotifier):
    """Tells once that pushes fail, are partial or held, and once that they are well again."""

    def __init__(self, kind: Kind = "segment", **given: Any) -> None:
        """`kind`: of the destination."""
        super().__init__(**given)
        self.kind = kind

    def notify(self, context: Any) -> None:
        """For the task that ends a run."""
        task = context["ti"]
        if not task.xcom_pull(task_ids="plan", key="busy"):  # else that push's own end counts
            tell_push(task.xcom_pull(task_ids="plan", key="run_id"), context, self.kind)


class TellLatePush(BaseNotifier):
    """Tells once that a push was due and none has begun; nothing while the push DAG is paused."""

    def notify(self, context: Any) -> None:
        """For a task of another DAG, one that runs more often than pushes do."""
        from include.push.alerts import tell_late
        from include.settings import load_settings

        tell = channel(PUSH_ALERTS, context)
        if tell is None:
            return
        settings = load_settings()
        tell_late(
            postgres_url(Connection.get("warehouse")),
            segment_connection_of(Connection.get("segment")),
            settings.push_cron,
            settings.push_timezone,
            is_active=is_on(PUSH_DAG, context),
            tell=tell,
        )


class TellUsageAlerts(BaseNotifier):
    """Tells, once each and in one message, the alerts of usage that a build has opened."""

    def notify(self, context: Any) -> None:
        """For the task that builds."""
        from include.usage_alerts import tell_usage_alerts

        tell = channel(USAGE_ALERTS, context)
        if tell is not None:
            tell_usage_alerts(postgres_url(Connection.get("warehouse")), tell)


class TellNewRules(BaseNotifier):
    """Tells once that new rules wait, and what they would move."""

    def notify(self, context: Any) -> None:
        """For the task that builds."""
        from include.rules import tell_waiting
        from include.settings import load_settings

        tell = channel(PUSH_ALERTS, context)
        if tell is not None:
            tell_waiting(postgres_url(Connection.get("warehouse")), load_settings(), tell)


def tell_push(run: int | None, context: Any, kind: Kind) -> None:
    """Tell what became of a run, if that is another state than the one told last."""
    from include.push.alerts import tell_change

    tell = channel(PUSH_ALERTS, context)
    if tell is not None:
        tell_change(
            postgres_url(Connection.get("warehouse")),
            planhat_connection_of(Connection.get("planhat"))
            if kind == "planhat"
            else segment_connection_of(Connection.get("segment")),
            run,
            tell,
        )


def is_on(dag_id: str, context: Any) -> bool:
    """Whether Airflow knows the DAG and it is not paused."""
    from airflow.sdk.exceptions import AirflowRuntimeError

    try:
        return not context["ti"].get_dag(dag_id).is_paused
    except AirflowRuntimeError as error:
        log.info("Airflow does not know the DAG %s: %s", dag_id, error)
        return False
