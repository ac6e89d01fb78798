"""Calls in a file are found whichever form it has; one of something else is said in a line."""

import gzip
import json
from pathlib import Path

import pytest

from include.collector import files
from include.collector.files import calls_of, must_hold_calls
from include.errors import ProblemError

MARK = b"\xef\xbb\xbf"
CALLS = [
    {"type": "track", "messageId": f"m-{n}", "event": 'a, ]}[{ " \\ \n é', "properties": {"n": [n]}}
    for n in range(7)
]


def batch(calls: list[dict], **said) -> dict:
    return {"batch": calls, **said}


FORMS = {
    "lines": "\n".join(map(json.dumps, CALLS)),
    "lines that end as on Windows": "\r\n".join(map(json.dumps, CALLS)) + "\r\n",
    "a list in one line": json.dumps(CALLS),
    "a list over many lines": json.dumps(CALLS, indent=2),
    "a list with a call a line": "[\n" + ",\n".join(map(json.dumps, CALLS)) + "\n]\n",
    "lines of lists": "\n".join([json.dumps(CALLS[:3]), json.dumps(CALLS[3:])]),
    "objects over many lines": "\n".join(json.dumps(call, indent=1) for call in CALLS),
    "lines of batches": "\n".join(
        [json.dumps(batch(CALLS[:3])), json.dumps(CALLS[3]), json.dumps(batch(CALLS[4:]))]
    ),
    "a batch over many lines": json.dumps(batch(CALLS), indent=4),
    "a list of batches": json.dumps([batch(CALLS[:2]), batch(CALLS[2:])], indent=0),
}


def found(path: Path) -> list[dict]:
    must_hold_calls(path)
    return [json.loads(call.raw) for call in calls_of(path)]


@pytest.mark.parametrize("marked", [b"", MARK], ids=["plain", "marked"])
@pytest.mark.parametrize(
    "name", ["calls.json", "calls.jsonl.gz", "CALLS.JSONL.GZ", "gz-inside.txt"]
)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_calls(form: str, name: str, marked: bytes, tmp_path: Path):
    content = marked + FORMS[form].encode()
    is_packed = "gz" in name.lower()
    (tmp_path / name).write_bytes(gzip.compress(content) if is_packed else content)
    assert found(tmp_path / name) == CALLS


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("form", FORMS)
def test_it_does_not_matter_where_a_read_ends(
    form: str, chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "calls"
    path.write_text(FORMS[form])
    is_spread = files._is_spread(path)
    monkeypatch.setattr(files, "_is_spread", lambda _: is_spread)
    monkeypatch.setattr(files, "_CHUNK", chunk)
    assert found(path) == CALLS


def test_archives_that_were_put_together_are_read_to_the_end(tmp_path: Path):
    path = tmp_path / "days.jsonl.gz"
    parts = [MARK + (json.dumps(call) + "\n").encode() for call in CALLS]
    path.write_bytes(b"".join(map(gzip.compress, parts)))
    assert found(path) == CALLS


@pytest.mark.parametrize("form", ["lines", "a list over many lines", "a list with a call a line"])
def test_a_bad_call_costs_no_neighbour_and_its_line_is_known(form: str, tmp_path: Path):
    path = tmp_path / "calls.json"
    path.write_text(FORMS[form].replace('"m-3"', "NaN"))
    calls = list(calls_of(path))
    assert len(calls) == 7
    lines = path.read_text().splitlines()
    for call in calls:
        assert lines[call.line - 1].strip()[:1] == call.raw.decode()[:1] == "{"
    assert b"NaN" in calls[3].raw


def test_what_a_batch_says_for_its_calls_is_theirs_and_nobody_elses(tmp_path: Path):
    path = tmp_path / "calls.jsonl"
    said = {"context": {"groupId": "acme"}, "sent_at": "2026-01-01T00:00:00Z"}
    lines = [batch(CALLS[:2], **said), CALLS[2], {"batch": "no list"}]
    path.write_text("\n".join(map(json.dumps, lines)))
    calls = list(calls_of(path))
    assert [call.line for call in calls] == [1, 1, 2, 3]
    envelope = calls[0].envelope
    assert json.loads(bytes(envelope.context)) == said["context"]
    assert json.loads(bytes(envelope.sentAt)) == said["sent_at"]
    assert calls[1].envelope == envelope
    assert not calls[2].envelope.context
    assert json.loads(calls[3].raw) == {"batch": "no list"}


def test_a_batch_with_a_huge_context_stays_one_piece(tmp_path: Path):
    path = tmp_path / "calls.jsonl"
    path.write_text(json.dumps(batch(CALLS, context={"x": "x" * 200_000})))
    (call,) = calls_of(path)
    assert json.loads(call.raw)["batch"] == CALLS


NO_CALLS = {
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 50,
    "an archive": b"PK\x03\x04\x14\0\0\0\x08\0type",
    "a table": b"id,type,event\n1,track,Opened\n" * 100,
    "a page": b"<!doctype html>\n<html>{</html>",
    "text": b"Dear reader,\n\ntype and batch.\n",
    "JSON of something else": b'[{"_id": "5f", "name": "Acme"}]',
    "a number": b"7",
    "an empty list in a list": b"[[]]",
}


@pytest.mark.parametrize("what", NO_CALLS)
def test_a_file_of_something_else_is_said_in_one_line(what: str, tmp_path: Path):
    path = tmp_path / "some.file"
    path.write_bytes(NO_CALLS[what])
    with pytest.raises(ProblemError) as problem:
        must_hold_calls(path)
    assert "is no file of calls" in str(problem.value)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_said(encoding: str, tmp_path: Path):
    path = tmp_path / "calls.json"
    path.write_bytes(("\ufeff" + FORMS["lines"]).encode(encoding))
    with pytest.raises(ProblemError, match="is UTF-16: save it as UTF-8"):
        must_hold_calls(path)


def test_an_empty_file_has_no_calls(tmp_path: Path):
    for content in (b"", b"\n \n", MARK, b"[]", b"[ ]\n"):
        (tmp_path / "calls").write_bytes(content)
        assert found(tmp_path / "calls") == []


BROKEN_OFF = {
    "in a text": ('[{"type":"a"},{"type":"b', "what begins in line 1 does not end"),
    "in an object": ('[{"type":"a"},\n{"type":"b"', "what begins in line 1 does not end"),
    "between two": ('[{"type":"a"},', "does not end"),
    "by something else": ('[{"type":"a"}]\nand more {}', "line 2 is no JSON"),
    "by an end too many": ('[{"type":"a"}]\n]', "line 2 is no JSON"),
}


@pytest.mark.parametrize("how", BROKEN_OFF)
def test_a_list_that_breaks_off_gives_what_was_before_and_the_line(how: str, tmp_path: Path):
    content, said = BROKEN_OFF[how]
    path = tmp_path / "calls.json"
    path.write_text(content)
    calls = calls_of(path)
    assert json.loads(next(calls).raw) == {"type": "a"}
    with pytest.raises(ProblemError, match=said):
        list(calls)


def test_a_line_and_a_member_without_end_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "LONGEST_PIECE", 1_000)
    monkeypatch.setattr(files, "_CHUNK", 100)
    for content in ("{}\n" + "x" * 2_000, '[{},{"x":"' + "x" * 2_000):
        (tmp_path / "calls").write_text(content)
        calls = calls_of(tmp_path / "calls")
        assert next(calls).raw == b"{}"
        with pytest.raises(ProblemError, match="has more than"):
            list(calls)
