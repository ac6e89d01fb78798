"""The operators' page in Airflow's UI: an item of the navigation, a tab on DAGs, the app; notes.

Every Airflow process runs this file when it starts, so it only declares: the app, and what it
imports, is built in the api-server at the first request.
"""

from typing import Any, ClassVar

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

PREFIX = "/planhat-segment"
PUSH_DAGS = ("push_planhat_to_segment", "push_usage_to_planhat")


class PageApp:
    """An ASGI app that builds the real one when it is first asked for something."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            from plugins.page.app import create_app

            self._app = create_app()
        # Airflow's own app: the page asks it, as the caller, what the caller may know and do.
        scope["airflow_app"] = scope["app"]
        await self._app(scope, receive, send)


class PageInWords:
    """Passes everything on; when the api-server starts, it lets the page's answers be in words.

    Airflow puts a plugin's middleware inside its own, which ask the database before it is reached.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            from plugins.page.in_words import stand_around

            stand_around(scope["app"])
        await self._app(scope, receive, send)


class RunNotes:
    """Told by the scheduler when a run ends: a push's gets its numbers as a note."""

    @hookimpl
    def on_dag_run_success(self, dag_run: Any, msg: str) -> None:
        self._ended(dag_run, msg)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any, msg: str) -> None:
        self._ended(dag_run, msg)

    def _ended(self, dag_run: Any, msg: str) -> None:
        if dag_run.dag_id in PUSH_DAGS:
            from plugins.page.run_note import write_note

            write_note(dag_run, msg)


class PlanhatSegmentPage(AirflowPlugin):
    name = "planhat_segment_page"
    listeners: ClassVar = [RunNotes()]
    fastapi_apps: ClassVar = [
        {"app": PageApp(), "url_prefix": PREFIX, "name": "Planhat ⇄ Segment"},
    ]
    fastapi_root_middlewares: ClassVar = [
        {"middleware": PageInWords, "name": "Planhat ⇄ Segment: answers in words"},
    ]
    # Relative addresses: Airflow may live under a path. Two routes, because Airflow drops the
    # second view of a route that is taken.
    external_views: ClassVar = [
        {
            "name": "Planhat ⇄ Segment",
            "href": "planhat-segment/",
            "destination": "nav",
            "url_route": "planhat-segment",
            "nav_top_level": True,
            "icon": "planhat-segment/static/icon.svg",
            "icon_dark_mode": "planhat-segment/static/icon-dark.svg",
        },
        {
            "name": "Planhat ⇄ Segment",
            "href": "planhat-segment/?dag={DAG_ID}",
            "destination": "dag",
            "url_route": "planhat-segment-dag",
        },
        {
            "name": "Planhat ⇄ Segment",
            "href": "planhat-segment/?dag_run={RUN_ID}",
            "destination": "dag_run",
            "url_route": "planhat-segment-run",
        },
    ]
