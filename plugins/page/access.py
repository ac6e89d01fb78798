"""Who may do what, as Airflow's own auth manager says; and that a write comes from the page itself.

Apps that plugins mount are open to anyone, so every route here names one of these. They are
Airflow's internal modules: Airflow is pinned to one minor, and `tests/plugins` asks every route as
every kind of user.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.dag import DagModel
from fastapi import Depends, Header, HTTPException

from include.connections import Kind

# Reading the page = reading the push DAG's runs. Pushing = triggering it. Settings = editing it.
DAGS: dict[Kind, str] = {
    "segment": "push_planhat_to_segment",
    "planhat": "push_usage_to_planhat",
}


@dataclass(frozen=True)
class Access:
    """What a caller may do with a push DAG: dependencies of routes, and a question."""

    dag_id: str
    may_read: Any
    may_push: Any
    may_edit: Any

    @classmethod
    def to(cls, kind: Kind) -> "Access":
        """Of the DAG that pushes there."""
        dag_id = DAGS[kind]
        return cls(
            dag_id,
            may_read=Depends(requires_access_dag("GET", DagAccessEntity.RUN, dag_id)),
            may_push=Depends(requires_access_dag("POST", DagAccessEntity.RUN, dag_id)),
            may_edit=Depends(requires_access_dag("PUT", None, dag_id)),
        )

    def permissions(self, user: GetUserDep) -> dict[str, bool]:
        """What the caller may do: `{"push", "edit"}`. Personal payloads are for those who edit."""
        details = DagDetails(id=self.dag_id, team_name=DagModel.get_team_name(self.dag_id))
        manager = get_auth_manager()
        return {
            "push": manager.is_authorized_dag(
                method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user
            ),
            "edit": manager.is_authorized_dag(method="PUT", details=details, user=user),
        }


ACCESS: dict[Kind, Access] = {kind: Access.to(kind) for kind in DAGS}

# Of the page itself: those of the push to Segment.
may_read = ACCESS["segment"].may_read
may_push = ACCESS["segment"].may_push
may_edit = ACCESS["segment"].may_edit
Permissions = Annotated[dict[str, bool], Depends(ACCESS["segment"].permissions)]


def from_the_page(
    x_requested_with: Annotated[str | None, Header()] = None,
    sec_fetch_site: Annotated[str | None, Header()] = None,
) -> None:
    """Refuse a write that another site made the browser send with the user's cookie.

    Another site cannot set this header without asking first (CORS), and Airflow's api-server
    grants that to nobody by default. Browsers say besides where a request comes from.
    """
    if x_requested_with != "planhat-segment" or sec_fetch_site not in (None, "same-origin"):
        raise HTTPException(
            403,
            "Refused: a change must come from the page itself "
            "(a client sends the header X-Requested-With: planhat-segment).",
        )


same_site = Depends(from_the_page)
