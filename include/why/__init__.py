"""Why: the story of one id, from the call that landed to what Segment acknowledged.

`tell` takes a message id, user id, e-mail, anonymous id, company id or object id.
"""

from include.why.story import Chapter, Step, Story
from include.why.telling import tell

__all__ = ["Chapter", "Step", "Story", "tell"]
