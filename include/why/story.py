"""What a story consists of, and how it is said on a terminal and to the page."""

import textwrap
from dataclasses import dataclass, field
from typing import Any, Literal

from include.planhat.app_links import record_link
from include.warehouse.reading import plain

# done: it happened. missing: it did not, and the text says why. waiting: it will.
State = Literal["done", "missing", "waiting"]

MARKS: dict[State, str] = {"done": "✓", "missing": "✗", "waiting": "…"}
WIDTH = 100


@dataclass(frozen=True)
class Step:
    """One thing that happened to what was asked about, or did not.

    `name` is a word or two, `text` a sentence, `more` further sentences; `refs` are ids that can
    be asked about next; `payload` is what was sent, for who may see it.
    """

    name: str
    text: str
    state: State = "done"
    more: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    payload: Any = None


@dataclass(frozen=True)
class Chapter:
    """What one id stands for, told in order.

    `kind` is call, quarantined, user_id, email, anonymous_id, enduser, company, object or message.
    """

    kind: str
    title: str
    steps: tuple[Step, ...]
    # its model and id in Planhat, where it is there
    record: tuple[str, str] | None = None

    def link(self, pattern: str | None) -> str | None:
        """Its record in Planhat's app, where that is known."""
        return record_link(pattern, *self.record) if self.record else None


@dataclass(frozen=True)
class Story:
    """Everything that an id stands for; without chapters, `hint` says what can be asked."""

    identifier: str
    chapters: tuple[Chapter, ...] = field(default=())
    hint: str | None = None

    @property
    def is_found(self) -> bool:
        """True when the warehouse knows the id."""
        return bool(self.chapters)

    def lines(self, link: str | None = None) -> list[str]:
        """For a terminal: a line a step, its name and mark before it; payloads are left out.

        `link`: how records are linked in Planhat's app.
        """
        lines: list[str] = []
        for chapter in self.chapters:
            address = chapter.link(link)
            width = max(len(step.name) for step in chapter.steps)
            lines += ["", chapter.title] if lines else [chapter.title]
            lines += [f"  {address}"] if address else []
            for step in chapter.steps:
                head = f"  {MARKS[step.state]} {step.name:<{width}}  "
                for text in (step.text, *step.more):
                    lines += textwrap.wrap(
                        text,
                        WIDTH,
                        initial_indent=head,
                        subsequent_indent=" " * len(head),
                        break_long_words=False,
                        break_on_hyphens=False,
                    )
                    head = " " * len(head)
        if self.hint:
            lines += ["", self.hint] if lines else [self.hint]
        return lines

    def as_dict(self, link: str | None = None) -> dict[str, Any]:
        """For the page: `{"identifier", "hint", "chapters": [{"kind", "title", "steps": […]}]}`,
        each chapter with the address of its record in Planhat's app (`planhat_url`)."""
        return {
            "identifier": self.identifier,
            "hint": self.hint,
            "chapters": [
                {
                    "kind": chapter.kind,
                    "title": chapter.title,
                    "planhat_url": chapter.link(link),
                    "steps": [
                        {
                            "name": step.name,
                            "text": step.text,
                            "state": step.state,
                            "more": list(step.more),
                            "refs": list(step.refs),
                            "payload": plain(step.payload),
                        }
                        for step in chapter.steps
                    ],
                }
                for chapter in self.chapters
            ],
        }
