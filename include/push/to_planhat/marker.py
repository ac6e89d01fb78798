"""Which of our environments writes to a tenant: a custom field of ours, named by the environment.

Two that write to one tenant would each send what the other has sent. The first one makes the field,
and every other one is refused, whenever it looks.
"""

from dataclasses import dataclass

from include.errors import ProblemError
from include.planhat.api.client import Client

# A hidden custom field of companies; what follows is the environment.
PREFIX = "Segment push environment "


class MarkedByAnotherError(ProblemError):
    """Another of our environments writes to the tenant."""


@dataclass(frozen=True)
class Marks:
    """Environments that have marked the tenant, the first one first; all its custom fields."""

    environments: list[str]
    fields: int


def check(client: Client, environment: str, *, make: bool) -> Marks:
    """Raise `MarkedByAnotherError` where the tenant is another's; `make`: mark it as ours.

    Of two who mark it at one moment the field that was made first stands.
    """
    marks = _marks(client)
    if not marks.environments and make:
        client.create(
            "customfields",
            {
                "name": f"{PREFIX}{environment}", "parent": "Company", "type": "text",
                "isHidden": True,
            },
        )  # fmt: skip
        marks = _marks(client)
    first = next(iter(marks.environments), environment)
    if first != environment:
        raise MarkedByAnotherError(
            f"Another environment of ours, {first}, writes to {client.connection.name}: what "
            "both send would count twice. Nothing was sent. To take it over, switch the other one "
            f"off and delete the custom field {PREFIX + first!r} of companies in Planhat."
        )
    return marks


def _marks(client: Client) -> Marks:
    fields = list(client.rows("customfields"))
    found = [
        (str(each.get("_id")), each["name"].removeprefix(PREFIX))
        for each in fields
        if str(each.get("name")).startswith(PREFIX)
    ]
    return Marks([environment for _, environment in sorted(found)], len(fields))
