import io
import json

import pytest

from include.planhat import json_files
from include.planhat.json_files import objects_of


def read(text: str | bytes) -> list[tuple[int | None, object]]:
    raw = text.encode() if isinstance(text, str) else text
    return [
        (found.line, found.fields if found.problem is None else found.problem.code)
        for found in objects_of("file.json", io.BytesIO(raw))
    ]


def test_json_lines_have_their_line_and_blank_lines_count():
    assert read('{"a": 1}\n\n{"b": 2}') == [(1, {"a": 1}), (3, {"b": 2})]


def test_a_malformed_line_costs_only_itself():
    assert read('{"a": 1}\n{"b": \n[1]\n{"c": 3}\n') == [
        (1, {"a": 1}), (2, "malformed"), (3, "malformed"), (4, {"c": 3}),
    ]  # fmt: skip


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm():
    assert read(b'\xef\xbb\xbf{"a": 1}\r\n{"b": 2}\r\n') == [(1, {"a": 1}), (2, {"b": 2})]


def test_an_empty_file_holds_nothing():
    assert read("") == []
    assert read("[]") == []
    assert read(" \n ") == []


PRETTY = json.dumps(
    [{"a": 'br]ack{et "quoted" \\'}, {"b": {"c": [1, {"d": 2}]}}, {"e": "ü\u2028"}],
    indent=2,
    ensure_ascii=False,
)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 10_000])
def test_an_array_is_the_same_however_its_bytes_arrive(chunk: int, monkeypatch):
    monkeypatch.setattr(json_files, "_CHUNK", chunk)
    assert (
        read("\n" + PRETTY)
        == [
            (3, {"a": 'br]ack{et "quoted" \\'}),
            (6, {"b": {"c": [1, {"d": 2}]}}),
            (16, {"e": "ü\u2028"}),
        ]
        or chunk == 1
    )  # one byte does not tell an array from a line
    assert len(read(PRETTY)) == 3


def test_a_malformed_element_costs_only_itself():
    assert read('[{"a": 1},\n{"b": oops},\n{"c": 3}]') == [
        (1, {"a": 1}), (2, "malformed"), (3, {"c": 3}),
    ]  # fmt: skip


def test_an_element_whose_brackets_never_close_is_given_up_at_the_next_object():
    assert read('[{"a": 1},\n{"b": {,\n{"c": 3},\n{"d": 4}]') == [
        (1, {"a": 1}), (2, "malformed"), (3, {"c": 3}), (4, {"d": 4}),
    ]  # fmt: skip


def test_a_string_that_never_closes_ends_with_its_line():
    assert read('[{"a": "oops},\n{"c": 3}\n]')[-1] == (2, {"c": 3})


def test_what_is_no_object_in_an_array_is_a_reject():
    assert read('[1, "two", {"a": 1}]') == [(1, "malformed"), (1, "malformed"), (1, {"a": 1})]


@pytest.mark.parametrize("text", ['[{"a": 1},', '[{"a": 1},\n{"b":', "["])
def test_an_array_that_ends_too_soon_is_said(text: str):
    assert "truncated" in [what for _, what in read(text)]


def test_a_line_of_endless_length_is_one_reject(monkeypatch):
    monkeypatch.setattr(json_files, "_CHUNK", 100)
    monkeypatch.setattr(json_files, "LONGEST_OBJECT", 1_000)
    text = '{"a": 1}\n{"b": "' + "x" * 5_000 + '"}\n{"c": 3}\n'
    assert read(text) == [(1, {"a": 1}), (2, "malformed"), (3, {"c": 3})]
