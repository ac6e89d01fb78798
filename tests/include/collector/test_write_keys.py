"""No write key is in what is stored, wherever a client puts it and whatever the text is."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from include.collector.event import Bad, Envelope, Row, read_event
from include.collector.made_ids import MadeIds
from include.collector.options import Limits
from include.collector.write_keys import without_keys, without_keys_in_text

NAMES = ["writeKey", "write_key", "writekey", "WriteKey", "WRITE_KEY"]
CALL = {"type": "track", "event": "E", "messageId": "m", "userId": "u"}

# Where clients put it: one member of these is `None`, and the key goes there.
PLACES = {
    "the call": CALL | {"": None},
    "its context": CALL | {"context": {"": None, "ip": "::1"}},
    "the traits of its context": CALL | {"context": {"traits": {"": None}}},
    "its properties": CALL | {"properties": {"a": 1, "": None}},
    "an integration": CALL | {"integrations": {"Segment.io": {"": None}}},
    "a list": CALL | {"properties": {"of": [[{"": None}], 1]}},
}


def placed(tree, name: str, key):
    if isinstance(tree, dict):
        return {k or name: key if v is None else placed(v, name, key) for k, v in tree.items()}
    return [placed(each, name, key) for each in tree] if isinstance(tree, list) else tree


def dropped(tree):
    if isinstance(tree, dict):
        return {k: dropped(v) for k, v in tree.items() if k}
    return [dropped(each) for each in tree] if isinstance(tree, list) else tree


def read(raw: bytes, envelope: Envelope | None = None) -> Row | Bad:
    return read_event(raw, 0, MadeIds("s"), envelope or Envelope(), Limits())


@pytest.mark.parametrize("name", NAMES[:2])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("key", ["SECRET", 'SEC"RET\\', 7, ["SECRET"], {"a": "SECRET"}, None])
def test_a_call_is_stored_without_the_key_and_with_all_else(place: str, name: str, key):
    row = read(json.dumps(placed(PLACES[place], name, key)).encode())
    assert isinstance(row, Row)
    assert json.loads(row.payload) == dropped(PLACES[place])


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", NAMES[:2])
def test_the_quarantine_keeps_the_text_without_the_key(place: str, name: str):
    for spoilt in ("", "}", ',"n":NaN}', "\xff"):
        text = json.dumps(placed(PLACES[place] | {"type": ""}, name, 'SEC\\"RET'))
        kept = read((text[:-1] + spoilt).encode("latin-1"))
        assert isinstance(kept, Bad)
        assert not {"SEC", "RET"} & set(re.findall("SEC|RET", kept.text))
        assert f'"{name}": ""' in kept.text


@pytest.mark.parametrize("name", NAMES[:2])
def test_what_a_batch_says_is_kept_without_the_key(name: str):
    usable = Envelope.of({"context": json.dumps({name: "SECRET", "ip": "::1"}).encode()})
    row = read(json.dumps(CALL).encode(), usable)
    assert isinstance(row, Row)
    assert json.loads(row.payload)["context"] == {"ip": "::1"}
    unusable = Envelope.of({"context": json.dumps({name: "SECRET", "n": "\0"}).encode()})
    kept = read(json.dumps(CALL).encode(), unusable)
    assert isinstance(kept, Bad)
    assert kept.reason == "nul_character"
    assert "SECRET" not in (kept.envelope or "") + kept.text + kept.detail
    # and it still lands after a repair
    again = Envelope.from_text((kept.envelope or "").replace("\\\\u0000", "x"))
    row = read(kept.text.encode(), again)
    assert isinstance(row, Row)
    assert json.loads(row.payload)["context"] == {"n": "x"}


def test_a_name_that_is_written_with_escapes_is_found():
    row = read(
        b'{"type":"x","messageId":"m","context":{"\\u0077riteKey":"S","write\\u005fkey":"S"}}'
    )
    assert isinstance(row, Row)
    assert json.loads(row.payload)["context"] == {}


def test_other_names_and_texts_stay_to_the_byte():
    raw = b'{ "type": "x" , "messageId": "m", "writer":"Key", "a": "\\u00e9 \\u003c writeKeys" }'
    row = read(raw)
    assert isinstance(row, Row)
    assert json.loads(row.payload) == json.loads(raw)
    raw = raw.replace(b"writeKeys", b"")
    assert without_keys(raw) is raw


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{{"{}":"SECRET"}}', '{{"{}":""}}'),
        ('{{"{}" : "SECRET", "a": 1', '{{"{}" : "", "a": 1'),
        ('{{"{}":"SECRET', '{{"{}":"'),
        ("{{'{}': 'SECRET'}}", "{{'{}': ''}}"),
        ('{{{}: "SECRET"}}', '{{{}: ""}}'),
        ("a=1&{}=SECRET&b=2", "a=1&{}=null&b=2"),
        ('"{{\\"{}\\":\\"SECRET\\"}}"', '"{{\\"{}\\":\\"\\"}}"'),
        ('{{"{}":12}}', '{{"{}":null}}'),
    ],
)
def test_in_any_text_nothing_is_where_the_key_was(name: str, text: str, left: str):
    assert without_keys_in_text(text.format(name)) == left.format(name)


@given(some.text() | some.text('writeKy_"\\:={} S'))
def test_no_text_breaks_the_search(text: str):
    without_keys_in_text(text)
