"""A message told over a real webhook."""

from collections.abc import Iterator

import pytest

from include.errors import ServiceError
from include.push.alerts import Alert
from include.webhook import post
from tests.include.push.webhook import Webhook

ALERT = Alert("held", "well", "Push to Segment: held", "Run 1: 12 objects are held")


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as listening:
        yield listening


def test_a_webhook_is_told_in_words_and_in_fields(webhook: Webhook) -> None:
    post(f"{webhook.address}/services/a", "token", ALERT)
    assert webhook.heard == [
        (
            "/services/a",
            "Bearer token",
            {
                "text": "Push to Segment: held. Run 1: 12 objects are held",
                "state": "held",
                "before": "well",
            },
        )
    ]


def test_a_webhook_that_refuses_is_one_line_without_its_address(webhook: Webhook) -> None:
    webhook.status = 500
    with pytest.raises(ServiceError) as problem:
        post(f"{webhook.address}/secret", None, ALERT)
    assert str(problem.value) == "The webhook for alerts did not take it (500)."
