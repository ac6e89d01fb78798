"""What the privacy settings make of one source's calls, before anything of them is stored."""

from typing import NamedTuple

from include.collector.field_rules import SourceRules
from include.collector.turned_away import TurnedAway


class Screen(NamedTuple):
    """Whose calls are stored nowhere, and what is left out of the others; None: nothing is set."""

    turned_away: TurnedAway | None = None
    rules: SourceRules | None = None


OPEN = Screen()
