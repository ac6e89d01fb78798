"""One built and pushed warehouse for all of these tests, which only read it."""

from collections.abc import Callable, Iterator

import pytest

from include.settings import Settings
from include.why import Story, tell
from tests.include.why import world


@pytest.fixture(scope="session")
def built(server: Settings) -> Iterator[str]:
    """The URL of the warehouse that `world.make` makes."""
    with world.database(server, "why") as url:
        world.make(url, server)
        yield url


@pytest.fixture(scope="session")
def story_of(built: str) -> Callable[..., Story]:
    """`story_of(identifier)` in that warehouse."""

    def ask(identifier: str, **options: bool) -> Story:
        return tell(built, identifier, **options)

    return ask
