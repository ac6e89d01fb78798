"""What the page's routes have in common: what a caller may send, and how the warehouse is read."""

from typing import Annotated, Any

from fastapi import Path, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, model_validator
from pydantic_core import PydanticCustomError

from include.errors import ProblemError
from include.warehouse import reading
from plugins.page import warehouse
from plugins.page.in_words import has_text

# What a caller may ask for: no text of a key here is longer, no list goes on for ever.
LONGEST = 2_000
Offset = Annotated[int, Query(ge=0, le=1_000_000_000)]
Text = Annotated[str, Query(max_length=LONGEST)]
Key = Annotated[str, Path(max_length=LONGEST)]
RunId = Annotated[int, Path(ge=0, lt=2**63)]


class Asked(BaseModel):
    """What a caller sends: texts that can be kept and looked for."""

    @model_validator(mode="before")
    @classmethod
    def _is_text(cls, sent: Any) -> Any:
        if not has_text(sent):
            raise PydanticCustomError(
                "no_text", "What was sent holds what is no text: NUL, or half of a surrogate pair"
            )
        return sent


async def read(function: Any, *, when_missing: str = reading.NOT_BUILT) -> dict[str, Any]:
    """`reading.part` of the warehouse, off the event loop."""

    def work() -> dict[str, Any]:
        try:
            url = warehouse.current_url()
        except ProblemError as problem:
            return {"problem": str(problem)}
        return reading.part(url, function, when_missing=when_missing)

    return await run_in_threadpool(work)
