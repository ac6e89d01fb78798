"""Stories from a real build and push, beside what the sample's cases say must come out."""

import json
import re

import psycopg
import pytest

from include.errors import ServiceError
from include.sample.cases import company_id
from include.why import tell
from include.why.reasons import REASONS
from tests.dbt_project.landing import land_calls
from tests.include.why.world import CASES, quarantine

# A case and its call's number for each reason that a call of today can have.
UNRESOLVED = {
    "suppressed": ("suppressed", 1),
    "unsupported_type": ("unsupported-type", 1),
    "blocked_identity": ("blocked-values", 1),
    "no_identity": ("never-identified", 1),
    "unknown_company": ("unknown-company", 1),
    "ambiguous_enduser": ("several-never-named", 1),
    "no_company": ("nobody-knows-the-user", 1),
    "deleted_enduser": ("deleted-enduser", 1),
    "unknown_enduser": ("not-created-by-others", 1),
}


def steps(story, name: str) -> list:
    return [each for chapter in story.chapters for each in chapter.steps if each.name == name]


def text(story) -> str:
    return " ".join(" ".join(story.lines()).split())


@pytest.mark.parametrize("reason", sorted(UNRESOLVED))
def test_an_unresolved_call_says_why_and_what_would_resolve_it(story_of, reason):
    case, number = UNRESOLVED[reason]

    story = story_of(f"sample-case-{case}-{number}")

    assert [chapter.kind for chapter in story.chapters] == ["call"]
    (unresolved,) = steps(story, "Unresolved")
    assert unresolved.state == "missing"
    assert f"({reason})" in unresolved.text
    assert unresolved.more[0].startswith("What resolves it: ")
    assert not steps(story, "Enduser")
    assert not steps(story, "Answered")


def test_every_call_of_every_case_is_told_as_its_case_says(story_of):
    wrong = []
    for case in CASES.values():
        for step in case.steps:
            outcome = step.outcome
            if outcome is None:
                continue
            story = story_of(step.call.message_id)
            said = {
                "enduser": bool(steps(story, "Enduser")),
                "unresolved": bool(steps(story, "Unresolved") or steps(story, "Receipt")),
            }
            meant = {
                "enduser": outcome.enduser is not None,
                "unresolved": outcome.reason is not None,
            }
            if outcome.counted is not None:
                counted = " ".join(each.text for each in steps(story, "Counted"))
                said["counted"] = ", for its enduser" in counted
                meant["counted"] = outcome.counted
            if outcome.conflict:
                said["conflict"], meant["conflict"] = bool(steps(story, "Conflict")), True
            if said != meant:
                wrong.append((step.call.message_id, said, meant))
    assert len(CASES) > 50
    assert wrong == []


def test_a_resolved_call_is_told_up_to_segments_answer(story_of):
    story = story_of("sample-case-user-id-in-traits-2")

    names = [step.name for step in story.chapters[0].steps]
    assert names == [
        "Received", "Happened", "Company", "Enduser", "Counted", "Outbound", "Plan", "Answered",
        "Seen back",
    ]  # fmt: skip
    assert all(step.state == "done" for step in story.chapters[0].steps)
    (plan,) = steps(story, "Plan")
    assert "planned it as added, in a batch" in plan.text
    (answered,) = steps(story, "Answered")
    assert "answered 200 for version 1" in answered.text
    assert "somebody" in answered.text
    assert answered.more[0].startswith("Message planhat-")


def test_a_group_call_says_which_metrics_it_fills_and_which_value_is_refused(story_of):
    story = story_of("sample-case-bad-metric-values-1")

    assert steps(story, "Counted") or steps(story, "Rejected")
    assert "takes numbers, and this is" in text(story)


def test_an_anonymous_call_names_the_call_that_it_borrows_from(story_of):
    (linked,) = steps(story_of("sample-case-alias-links-1"), "Linked")

    assert linked.refs == ("sample-case-alias-links-2",)


def test_a_message_of_ours_leads_back_to_its_object(story_of, built):
    with psycopg.connect(built) as connection:
        message_id, object_id = connection.execute(
            "select message_id, object_id from sync.objects where model = 'license' limit 1"
        ).fetchone()

    back, objects = story_of(message_id), story_of(object_id)

    # it landed after the last build
    assert "No build has seen it yet" in text(back)
    assert [chapter.kind for chapter in back.chapters] == ["call"]
    assert [chapter.kind for chapter in objects.chapters] == ["object"]
    assert message_id in text(objects)
    assert steps(objects, "Seen back")[0].refs == (message_id,)


def test_a_receipt_says_that_it_is_never_usage(story_of):
    receipts = [
        step.call.message_id
        for case in CASES.values()
        for step in case.steps
        if step.outcome and step.outcome.reason == "receipt"
    ]
    assert receipts

    story = story_of(receipts[0])

    assert steps(story, "Receipt")
    assert not steps(story, "Counted")


def test_a_company_is_found_by_its_own_id_and_by_its_external_id(story_of):
    harbor = company_id("harbor")

    by_id, by_external_id = story_of(harbor), story_of("harbor-pine")

    assert by_id.chapters[0].title == by_external_id.chapters[0].title
    assert by_id.chapters[0].title == "Company Harbor & Pine Logistics"
    assert by_id.chapters[0].steps == by_external_id.chapters[0].steps
    assert steps(by_id, "Answered")
    assert steps(by_id, "Usage")


def test_a_deleted_company_and_one_without_an_external_id_say_so(story_of):
    assert "Deleted in Planhat" in text(story_of(company_id("mill")))
    assert "no call can name it" in text(story_of(company_id("quiet")))


def test_a_company_key_that_nobody_has_says_how_many_calls_name_it(story_of):
    (unresolved,) = steps(story_of("sample-case-unknown-company-1"), "Unresolved")
    key = unresolved.more[0].split("“")[1].split("”")[0]

    story = story_of(key)

    assert story.chapters[0].title == f"Unknown company {key}"
    assert steps(story, "Unresolved")[0].refs[0].startswith("sample-")


def test_a_user_id_says_whom_it_means_in_each_company_and_what_became_of_its_calls(story_of):
    story = story_of("admin-1")

    assert story.chapters[0].title == "User id admin-1"
    assert len(steps(story, "Known")) == 2
    assert "resolved" in steps(story, "Calls")[0].text


def test_an_email_is_found_whatever_its_case_and_lists_its_candidates(story_of):
    story = story_of("  Desk.Created-Twice-One-Email@Harbor.example ")

    assert story.chapters[0].kind == "email"
    assert "Several endusers of its company have this address" in text(story)


def test_a_created_enduser_says_which_call_made_it_and_that_it_is_not_pushed(story_of):
    (enduser,) = steps(story_of("sample-case-created-by-track-1"), "Enduser")

    story = story_of(enduser.refs[0])

    assert "Created from Segment by sample-case-created-by-track-1" in text(story)
    assert "a model that is switched off" in text(story)


def test_without_the_permission_no_payload_and_no_other_persons_keys_are_told(story_of):
    told = story_of("sample-case-user-id-in-traits-2")
    story = story_of("sample-case-user-id-in-traits-2", with_persons=False)

    assert any(step.payload for step in told.chapters[0].steps)
    assert not any(step.payload for step in story.chapters[0].steps)
    assert "user-id-in-traits-" in text(told).replace("sample-case-user-id-in-traits-2", "")
    assert "user-id-in-traits-" not in json.dumps(story.as_dict()).replace(
        "sample-case-user-id-in-traits-", ""
    )
    # what was typed is no secret
    assert "desk.created" in text(
        story_of("desk.created-twice-one-email@harbor.example", with_persons=False)
    )


@pytest.mark.parametrize("identifier", ["", "   ", "\0"])
def test_nothing_typed_is_answered_with_what_can_be_asked(story_of, identifier):
    story = story_of(identifier)

    assert not story.is_found
    assert story.lines()[0].startswith("Say what to look for: a message id")


@pytest.mark.parametrize(
    "identifier", ["nobody", "'; drop table sync.runs; --", "%", "\u202e<script>", "x" * 999]
)
def test_an_unknown_id_says_what_it_may_be(story_of, identifier):
    story = story_of(identifier)

    assert not story.is_found
    assert "It may be a message id" in story.hint


def test_an_id_that_is_too_long_is_not_looked_for(story_of):
    assert story_of("x" * 1_001).hint == "No id has more than 1,000 characters."


def test_before_the_first_build_what_landed_is_told_all_the_same(warehouse):
    land_calls(
        warehouse, [{"messageId": "m1", "type": "track", "event": "Opened", "userId": "u"}],
        received_at="2026-03-02T12:00:00Z",
    )  # fmt: skip
    quarantine(warehouse, {"messageId": "m2", "type": "track", "event": "n" * 40_000})
    quarantine(warehouse, {"type": "track"}, "missing_event", "no name", made_id="made-1")

    story, aside, made, unknown = (tell(warehouse, each) for each in ("m1", "m2", "made-1", "m3"))

    assert "2026-03-02 12:00:00 UTC from the source demo-app: track “Opened”" in text(story)
    assert "No build has seen it yet" in text(story)
    assert "could not be stored (too_large): 33,120 bytes" in text(aside)
    assert "make replay" in text(aside)
    assert "could not be stored (missing_event)" in text(made)
    assert "Nothing has been built yet" in unknown.hint


def test_a_failed_object_says_the_code_and_the_attempts(built, warehouse):
    with psycopg.connect(warehouse) as connection:
        connection.execute(
            "insert into raw_planhat.objects (model, planhat_id, payload) "
            "values ('license', '64f0', '{}')"
        )
        (run,) = connection.execute(
            "insert into sync.runs (destination, trigger, requested_by, status, finished_at) "
            "values ('api.segment.io#abc', 'schedule', 'the schedule', 'partial', now()) "
            "returning run_id"
        ).fetchone()
        connection.execute(
            "insert into sync.run_errors (run_id, destination, model, object_id, code, message, "
            "attempts) values (%s, 'api.segment.io#abc', 'license', '64f0', 'too_large', "
            "'33,120 bytes.', 3)",
            [run],
        )

    (failed,) = steps(tell(warehouse, "64f0"), "Failed")

    assert failed.text == f"Run {run} could not send it (too_large): 33,120 bytes."
    assert failed.more[0].startswith("3 attempts since ")


def test_a_warehouse_without_tables_or_that_does_not_answer_is_one_line(server):
    from include.warehouse import embedded

    with pytest.raises(ServiceError, match="no tables yet"):
        tell(embedded.server_url(server, "postgres"), "x")
    with pytest.raises(ServiceError, match="does not answer"):
        tell("postgresql://nobody@127.0.0.1:9/none", "x")


def test_every_reason_of_the_domain_has_words():
    assert set(UNRESOLVED) | {"receipt", "section_off"} == set(REASONS)
    for title, meaning, remedy in REASONS.values():
        assert title
        assert meaning.endswith(".")
        assert remedy.endswith(".")


def test_a_story_is_read_by_keys_and_scans_no_table_of_calls(built):
    """What grows with the calls is asked by an index: by message, user id, enduser, company."""
    with psycopg.connect(built) as connection:
        connection.execute("set enable_seqscan = off")
        for question in (
            "select 1 from raw_segment.events where message_key = md5('x')::uuid",
            "select * from marts.event_resolution where message_id = 'x'",
            "select * from marts.event_resolution where user_id = 'x'",
            "select * from marts.event_resolution where enduser_id = 'x'",
            "select * from marts.usage_daily where object_type = 'company' and object_id = 'x'",
            "select * from intermediate.int_identity__links where anonymous_id = 'x'",
            "select * from intermediate.int_identity__key_companies where kind = 'email' "
            "and key = 'x'",
        ):
            plan = "\n".join(row for (row,) in connection.execute("explain " + question))
            # settings are a few rows, and asked for once
            scanned = set(re.findall(r"Seq Scan on (\w+)", plan))
            assert scanned <= {"int_identity__call_settings", "usage_events"}, plan
