"""Which of our environments writes to a tenant: a custom field of ours, named by the environment.

Two that write to one tenant would each send what the other has sent. The first one makes the field,
and every other one is refused, whenever it looks.
"""

from include.errors import ProblemError
from include.planhat.api.client import Client

# A hidden custom field of companies; what follows is the environment.
PREFIX = "Segment push environment "


class MarkedByAnotherError(ProblemError):
    """Another of our environments writes to the tenant."""


def check(client: Client, environment: str, *, make: bool) -> None:
    """Raise `MarkedByAnotherError` where the tenant is another's; `make`: mark it as ours.

    Of two who mark it at one moment the field that was made first stands.
    """
    marks = _marks(client)
    if not marks and make:
        client.create(
            "customfields",
            {
                "name": f"{PREFIX}{environment}", "parent": "Company", "type": "text",
                "isHidden": True,
            },
        )  # fmt: skip
        marks = _marks(client)
    if marks and marks[0] != environment:
        raise MarkedByAnotherError(
            f"Another environment of ours, {marks[0]}, writes to {client.connection.name}: what "
            "both send would count twice. Nothing was sent. To take it over, switch the other one "
            f"off and delete the custom field {PREFIX + marks[0]!r} of companies in Planhat."
        )


def _marks(client: Client) -> list[str]:
    """Environments that have marked the tenant, the first one first."""
    found = [
        (str(each.get("_id")), each["name"].removeprefix(PREFIX))
        for each in client.rows("customfields")
        if str(each.get("name")).startswith(PREFIX)
    ]
    return [environment for _, environment in sorted(found)]
