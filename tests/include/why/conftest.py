"""One built and pushed warehouse for all of these tests, which only read it."""

from collections.abc import Callable

import pytest

from include.why import Story, tell


@pytest.fixture(scope="session")
def built(stories: str) -> str:
    """The URL of the warehouse that `world.make` makes."""
    return stories


@pytest.fixture(scope="session")
def story_of(built: str) -> Callable[..., Story]:
    """`story_of(identifier)` in that warehouse."""

    def ask(identifier: str, **options: bool) -> Story:
        return tell(built, identifier, **options)

    return ask
