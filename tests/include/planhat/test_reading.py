"""A folder of exports against a real warehouse: each test is a small world of files."""

import gzip
import json
import random

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.errors import ProblemError, ServiceError
from include.planhat import reading
from include.planhat.models import MODELS
from include.planhat.reading import read_folder
from tests.include.planhat.world import World, company, ident


def test_each_read_says_what_was_added_changed_deleted_and_returned(world: World):
    world.write("companies.jsonl", company(1), company(2), company(3))
    assert world.counts() == {"added": 3}
    assert world.counts() == {"unchanged": 3}

    world.write("companies.jsonl", company(1), company(2, phase="Live"))
    assert world.counts() == {"changed": 1, "unchanged": 1, "deleted": 1}
    assert world.present() == [1, 2]
    assert world.counts() == {"unchanged": 2}

    world.write("companies.jsonl", company(1), company(2, phase="Live"), company(3))
    assert world.counts() == {"returned": 1, "unchanged": 2}
    assert world.present() == [1, 2, 3]

    logged = world.rows(
        "select added, changed, returned, deleted from raw_planhat.reads order by 1"
    )
    assert len(logged) == 5


def test_names_and_keys_of_any_length_are_read_and_kept_once(world: World):
    # of random letters: nothing that Postgres could make shorter
    letters = "".join(map(chr, range(0x4E00, 0x5000)))
    long = "".join(random.Random(1).choices(letters, k=5_000))
    for key in (long, f"{long} again", long):
        world.write_csv(f"_id,name,externalId,custom.{long}", [f"{ident(1)},Acme,{key},1"])
        assert sum(world.counts().values()) == 1
    assert world.rows("select count(*) from raw_planhat.former_keys") == [(2,)]
    wide = "select field from raw_planhat.columns where length(field) > 5000"
    assert world.rows(wide) == [(f"custom.{long}",)]


def test_a_deletion_and_a_return_move_changed_at_and_an_unchanged_read_does_not(world: World):
    def changed_at() -> object:
        return world.rows("select changed_at from raw_planhat.objects where planhat_id like '%2'")

    world.write("companies.jsonl", company(1), company(2))
    world.read()
    first = changed_at()
    world.read()
    assert changed_at() == first
    world.write("companies.jsonl", company(1))
    world.read()
    deleted = changed_at()
    assert deleted > first
    world.write("companies.jsonl", company(1), company(2))
    world.read()
    assert changed_at() > deleted


def test_a_key_that_an_object_had_is_kept_where_it_was_one(world: World):
    def person(number: int, **fields: object) -> dict[str, object]:
        return {"_id": ident(number), "companyId": ident(1), "email": "a@b.example", **fields}

    def former() -> list[tuple]:
        return world.rows(
            "select model, company, planhat_id, external_id, last_read_id"
            " from raw_planhat.former_keys order by model, external_id, last_read_id"
        )

    world.write("companies.jsonl", company(1, externalId="one"), company(2, externalId="two"))
    world.write("endusers.jsonl", person(11, externalId="u1"), person(12))
    world.read()
    assert former() == []

    # one has another key, one none; who had none before has lost nothing
    world.write("companies.jsonl", company(1, externalId="one-b"), company(2))
    world.write("endusers.jsonl", person(11, externalId=" u1 "), person(12, externalId="u2"))
    world.read()
    kept = [("company", "", ident(1), "one", 1), ("company", "", ident(2), "two", 1)]
    assert former() == kept

    world.write("companies.jsonl", company(1, externalId="one-b"), company(2, externalId="one"))
    world.write("endusers.jsonl", person(12, externalId="u2"))
    world.read()
    # gone is not without a key: it has it until a read finds it with another
    assert former() == kept
    world.write("companies.jsonl", company(1, externalId="one-b"), company(2, externalId="three"))
    world.write("endusers.jsonl", person(11, externalId="u9"), person(12, externalId="u2"))
    world.read()
    assert former() == [
        ("company", "", ident(1), "one", 1),
        # held after it, as the number of the read says
        ("company", "", ident(2), "one", 5),
        ("company", "", ident(2), "two", 1),
        # as it was written there
        ("enduser", ident(1), ident(11), " u1 ", 4),
    ]


def test_a_company_that_an_enduser_was_in_is_kept(world: World):
    def person(number: int, company: int | None) -> dict[str, object]:
        where = {"companyId": ident(company)} if company else {}
        return {"_id": ident(number), "email": "a@b.example", "externalId": "u1", **where}

    def former() -> list[tuple]:
        return world.rows(
            "select planhat_id, company, last_read_id from raw_planhat.former_companies"
            " order by planhat_id, company"
        )

    world.write("endusers.jsonl", person(11, 1), person(12, 1), person(13, 1))
    world.read()
    # one moves, one stays, one is gone
    world.write("endusers.jsonl", person(11, 2), person(12, 1))
    world.read()
    assert former() == [(ident(11), ident(1), 1)]
    # and on, and back, which the next read says too
    world.write("endusers.jsonl", person(11, 3), person(12, 1), person(13, 1))
    world.read()
    world.write("endusers.jsonl", person(11, 1), person(12, 1), person(13, 2))
    world.read()
    world.write("endusers.jsonl", person(11, 2), person(12, 1), person(13, 2))
    world.read()
    assert former() == [
        (ident(11), ident(1), 4), (ident(11), ident(2), 2), (ident(11), ident(3), 3),
        (ident(13), ident(1), 3),
    ]  # fmt: skip


def test_who_we_made_is_ours_while_what_was_sent_stays_so(world: World):
    def person(number: int, **fields: object) -> dict[str, object]:
        sent = {"companyId": ident(1), "email": "a@b.example", "externalId": "u1"}
        return {"_id": ident(number), **sent, **fields}

    world.write("endusers.jsonl", *(person(number) for number in range(1, 6)))
    world.read()
    with psycopg.connect(world.url) as connection:
        connection.execute("update raw_planhat.objects set made_by_us = true")

    world.write(
        "endusers.jsonl",
        person(1),
        person(2, phone="1"),
        person(3, email="c@b.example"),
        person(4, externalId="u2"),
        person(5, companyId=ident(2)),
    )
    world.read()
    ours = "select planhat_id from raw_planhat.objects where made_by_us order by 1"
    assert world.rows(ours) == [(ident(1),), (ident(2),)]


def test_fields_that_move_by_themselves_are_no_change_and_all_others_are(world: World):
    moving = {"updatedAt": "2026-01-01", "renewalDaysFromNow": 10, "usage": {"week": 1}}
    world.write("companies.jsonl", company(1, **moving, lastTouch="2026-01-01"))
    world.read()
    moved = {"updatedAt": "2026-01-02", "renewalDaysFromNow": 9, "lastActive": "2026-01-02"}
    world.write("companies.jsonl", company(1, **moved, lastTouch="2026-01-01"))
    assert world.counts() == {"unchanged": 1}
    world.write("companies.jsonl", company(1, **moved, lastTouch="2026-01-02"))
    assert world.counts() == {"changed": 1}
    assert world.rows("select payload->>'updatedAt' from raw_planhat.objects") == [("2026-01-02",)]


def test_a_null_that_gets_a_value_and_a_value_that_goes_are_changes(world: World):
    world.write("companies.jsonl", company(1, phase=None), company(2, phase="A"))
    world.read()
    world.write("companies.jsonl", company(1, phase="A"), company(2))
    assert world.counts() == {"changed": 2}


def test_the_order_of_keys_and_the_writing_of_numbers_are_no_change(world: World):
    world.write("companies.jsonl", raw=f'{{"_id":"{ident(1)}","name":"A","mrr":1.50}}\n')
    world.read()
    world.write("companies.jsonl", raw=f'{{"mrr": 1.5, "name": "A", "_id": "{ident(1)}"}}\n')
    assert world.counts() == {"unchanged": 1}


def test_a_model_without_a_file_was_not_read_and_keeps_everything(world: World):
    world.write("companies.jsonl", company(1))
    world.write("users.jsonl", {
        "_id": ident(7), "email": "u@x.example", "nickName": "u", "firstName": "U", "lastName": "V",
    })  # fmt: skip
    world.read()
    (world.folder / "users.jsonl").unlink()
    assert [each.model for each in world.read().models] == ["company"]
    assert world.present() == [1, 7]


def test_bad_lines_are_rejects_with_file_and_line_and_the_rest_is_loaded(world: World):
    lines = [
        json.dumps(company(1)),
        '{"_id": "broken',
        json.dumps({"_id": ident(3)}),
        json.dumps(company(4, mrr="much")),
        json.dumps(company(1)),
        json.dumps(company(5)),
    ]
    world.write("companies.jsonl", raw="\n".join(lines))
    report = world.read()
    assert world.present() == [1, 4, 5]
    # 4 went on without its mrr
    assert world.rejects() == [
        ("companies.jsonl", 2, "malformed"),
        ("companies.jsonl", 3, "missing_required"),
        ("companies.jsonl", 5, "duplicate_id"),
        ("companies.jsonl", 4, "wrong_type"),
    ]
    assert report.rejected == 3
    assert any(line.startswith("! companies.jsonl:3: name is missing") for line in world.said)
    assert any("companies.jsonl:5: the object" in line for line in world.said)
    (text,) = world.rows("select text from raw_planhat.rejects where line = 2")[0]
    assert text == '{"_id": "broken'


def test_reading_a_file_again_replaces_its_rejects(world: World):
    world.write("companies.jsonl", company(1), {"_id": ident(2)})
    world.read()
    world.read()
    assert len(world.rejects()) == 1
    world.write("companies.jsonl", company(1), company(2))
    world.read()
    assert world.rejects() == []


def test_a_rejected_object_whose_id_can_be_read_is_not_taken_for_deleted(world: World):
    world.write("companies.jsonl", company(1), company(2), company(3), company(4))
    world.read()
    torn = json.dumps(company(3))[:-5]
    world.write(
        "companies.jsonl",
        raw="\n".join([json.dumps(company(1)), json.dumps({"_id": ident(2)}), torn]),
    )
    # 2 lacks its name and 3 is torn, but both are in the file; 4 is gone
    assert world.counts() == {"unchanged": 1, "rejected": 2, "deleted": 1}
    assert world.present() == [1, 2, 3]


def test_a_reject_that_could_be_any_object_withholds_deletions(world: World):
    world.write("companies.jsonl", company(1), company(2))
    world.read()
    world.write("companies.jsonl", raw=json.dumps(company(1)) + "\n{nobody knows\n")
    assert world.counts() == {"unchanged": 1, "rejected": 1, "withheld": 1}
    assert world.present() == [1, 2]
    assert any("not marked deleted" in line for line in world.said)
    assert world.counts(deletions="always") == {"unchanged": 1, "rejected": 1, "deleted": 1}


@pytest.mark.parametrize("content", ["", "[]", "\n\n", '{"_id": "x"}\n', "<html>sign in</html>\n"])
def test_a_file_without_a_valid_object_deletes_nothing_and_says_so(world: World, content: str):
    world.write("companies.jsonl", company(1), company(2))
    world.read()
    world.write("companies.jsonl", raw=content)
    assert world.counts()["withheld"] == 2
    assert world.present() == [1, 2]
    assert any("2 objects that are not in it were not marked deleted" in x for x in world.said)
    world.read(deletions="always")
    assert world.present() == []


def test_deletions_can_be_switched_off(world: World):
    world.write("companies.jsonl", company(1), company(2))
    world.read()
    world.write("companies.jsonl", company(1))
    assert world.counts(deletions="never") == {"unchanged": 1, "withheld": 1}


def test_a_torn_gzip_keeps_what_was_read_and_deletes_nothing(world: World):
    world.write("companies.jsonl", company(0))
    world.read()
    (world.folder / "companies.jsonl").unlink()
    lines = "".join(json.dumps(company(n, sourceId=str(hash(n) ** 5))) + "\n" for n in range(9_000))
    whole = gzip.compress(lines.encode())
    (world.folder / "companies.jsonl.gz").write_bytes(whole)
    assert world.counts() == {"added": 8_999, "changed": 1}
    (world.folder / "companies.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    counts = world.counts()
    assert counts["rejected"] >= 1
    assert "deleted" not in counts
    assert ("companies.jsonl.gz", None, "unreadable_file") in world.rejects()


def test_a_file_of_no_model_is_a_reject_as_long_as_it_is_there(world: World):
    world.write("companies.jsonl", company(1))
    world.write("compannies.jsonl", company(2))
    world.write("notes.txt", raw="x")
    world.write(".hidden", raw="x")
    (world.folder / "archive").mkdir()
    report = world.read()
    assert [file for file, *_ in world.rejects()] == ["compannies.jsonl", "notes.txt"]
    assert report.rejected == 2
    assert any("compannies.jsonl: no model has a file of this name" in x for x in world.said)
    (world.folder / "compannies.jsonl").unlink()
    world.read()
    assert [file for file, *_ in world.rejects()] == ["notes.txt"]


def test_several_files_of_a_model_are_one_read(world: World):
    world.write("companies.jsonl", company(1), company(2))
    world.write("companies.csv", raw=f"Id,Name\n{ident(3)},Three\n{ident(2)},Again\n")
    assert world.counts() == {"added": 3, "rejected": 1}
    assert world.rejects() == [("companies.jsonl", 2, "duplicate_id")]


def test_every_model_is_read_in_each_shape_to_the_same_payloads(world: World):
    objects = {
        model.path: [{"_id": ident(n), **{name: _value(model, name) for name in model.required}}]
        for n, model in enumerate(MODELS, 1)
    }
    for path, each in objects.items():
        world.write(f"{path}.jsonl", *each)
    assert all(each.added == 1 for each in world.read().models)
    for path, each in objects.items():
        (world.folder / f"{path}.jsonl").unlink()
        (world.folder / f"{path}.json").write_text(json.dumps(each, indent=2))
    report = world.read()
    assert [each.unchanged for each in report.models] == [1] * 18
    for path, ((only,)) in objects.items():
        (world.folder / f"{path}.json").unlink()
        cells = [json.dumps(value).strip('"') for value in only.values()]
        (world.folder / f"{path}.csv").write_text(f"{','.join(only)}\n{','.join(cells)}\n")
    report = world.read()
    assert [each.unchanged for each in report.models] == [1] * 18
    assert not report.has_changed


def _value(model, name: str) -> object:
    kind = model.fields[name].name
    return {"TEXT": "text", "NUMBER": 3, "BOOLEAN": False, "TIME": "2026-01-01"}.get(kind, "EUR")


def test_the_report_is_a_table_with_a_row_a_model(world: World):
    world.write("companies.jsonl", company(1), company(2))
    report = world.read()
    header, row, total = str(report).splitlines()
    assert header.split() == [
        "model", "considered", "added", "changed", "returned", "unchanged", "deleted", "rejected",
        "cells",
    ]  # fmt: skip
    assert row.split() == ["company", "2", "2", "0", "0", "0", "0", "0", "0"]
    assert total.split()[0] == "all"
    assert report.as_dict()["company"]["added"] == 2


def test_a_read_that_takes_long_says_how_far_it_is(world: World, monkeypatch):
    monkeypatch.setattr(reading, "SILENCE", -1.0)
    world.write("companies.jsonl", company(1), company(2))
    world.read()
    assert world.said == [
        "  companies.jsonl: 1 objects so far",
        "  companies.jsonl: 2 objects so far",
    ]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.dictionaries(st.text(), anything, max_size=3), max_size=30), st.binary())
def test_whatever_a_file_holds_each_line_is_an_object_or_a_reject(world: World, extras, noise):
    lines = [json.dumps({**extra, **company(n)}) for n, extra in enumerate(extras)]
    raw = "\n".join([*lines, ""]).encode() + noise.replace(b"\n", b" ").strip()
    content = raw if lines else b"{" + raw  # a bracket in front would make it an array
    (world.folder / "companies.jsonl").write_bytes(content)
    (read,) = world.read().models
    assert read.considered + read.rejected == sum(1 for x in content.split(b"\n") if x.strip())


def test_a_folder_in_which_nothing_is_an_export_is_a_problem(world: World):
    with pytest.raises(ProblemError, match="There is no folder"):
        read_folder(world.url, world.folder / "nowhere", say=print)
    with pytest.raises(ProblemError, match=r"Nothing was read: .* it holds nothing"):
        world.read()
    world.write("Companies (1).csv", raw=f"Id,Name\n{ident(1)},One\n")
    with pytest.raises(ProblemError, match=r"it holds Companies \(1\)\.csv"):
        world.read()
    assert "should it be companies.csv?" in world.said[0]
    assert world.rejects() == [("Companies (1).csv", None, "unknown_file")]
    world.write("companies.csv", raw=f"Id,Name\n{ident(1)},One\n")
    assert world.counts() == {"added": 1}


def test_json_in_utf_16_is_read(world: World):
    text = json.dumps(company(1, owner="Zoë"), ensure_ascii=False) + "\n"
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        (world.folder / "companies.jsonl").write_bytes(text.encode(encoding))
        world.read()
        assert world.rows("select payload ->> 'owner' from raw_planhat.objects") == [("Zoë",)]
    assert world.counts() == {"unchanged": 1}


def test_a_warehouse_that_does_not_answer_is_one_line(world: World):
    world.write("companies.jsonl", company(1))
    with pytest.raises(ServiceError, match="does not answer"):
        read_folder("postgresql://a:b@127.0.0.1:1/none", world.folder, say=print)


def test_a_read_that_postgres_stops_leaves_nothing_half_done(world: World):
    world.write("companies.jsonl", company(1))
    with psycopg.connect(world.url) as connection:
        connection.execute("alter table raw_planhat.reads add check (added < 1)")
    with pytest.raises(ServiceError, match="run it again"):
        world.read()
    assert world.present() == []
    assert world.rows("select * from raw_planhat.reads") == []


def test_a_file_that_lacks_more_than_half_of_a_model_deletes_nothing_and_says_so(world: World):
    world.write("companies.jsonl", *map(company, range(1, 31)))
    world.read()
    world.write("companies.jsonl", *map(company, range(1, 15)))
    report = world.read()
    assert report.doubtful == ["company"]
    assert len(world.present()) == 30
    assert any("16 of 30 are more than 25% of the model" in line for line in world.said)
    world.write("companies.jsonl", *map(company, range(1, 24)))
    assert world.counts() == {"unchanged": 23, "deleted": 7}


@pytest.mark.parametrize(
    ("count", "missing", "is_held"),
    [(14, 5, True), (14, 9, True), (14, 3, False), (11, 3, True), (4, 3, True), (4, 2, False),
     (2, 1, False), (40, 10, False), (40, 11, True)],
)  # fmt: skip
def test_a_share_of_a_small_model_counts_too(world: World, count: int, missing: int, is_held: bool):
    world.write("companies.jsonl", *map(company, range(count)))
    world.read()
    world.write("companies.jsonl", *map(company, range(count - missing)))
    counts = world.counts()
    assert counts.get("withheld" if is_held else "deleted") == missing
    if is_held:
        assert any("DELETED=company" in line for line in world.said)
        # until somebody says so, for this model alone
        assert world.counts()["withheld"] == missing
        assert world.counts(gone=["enduser"])["withheld"] == missing
        assert world.counts(gone=["company"])["deleted"] == missing


def test_saying_that_objects_of_no_model_are_gone_is_refused(world: World):
    world.write("companies.jsonl", company(1))
    with pytest.raises(ProblemError, match="There is no model compny: did you mean company"):
        world.read(gone=["compny"])
