import gzip
import json
from pathlib import Path

import psycopg
import pytest

from include.collector.load import Loaded, load_files
from include.collector.sources import add_demo_sources
from include.errors import ProblemError


@pytest.fixture
def url(warehouse: str) -> str:
    add_demo_sources(warehouse)
    return warehouse


def lines(count: int, start: int = 0) -> bytes:
    calls = (
        {"type": "track", "userId": "u", "event": "E", "messageId": f"m-{n}"}
        for n in range(start, start + count)
    )
    return "\n".join(map(json.dumps, calls)).encode() + b"\n"


def stored(url: str, query: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def test_files_land_once_however_often_they_are_loaded(url: str, tmp_path: Path):
    (tmp_path / "a.jsonl").write_bytes(lines(7_000))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines(100, start=6_950)))
    files = sorted(tmp_path.iterdir())
    said: list[str] = []
    assert load_files(url, files, "demo-app", said.append) == Loaded(7_100, 7_050, 50, 0)
    assert load_files(url, files, "demo-app", said.append) == Loaded(7_100, 0, 7_100, 0)
    assert said[0] == "a.jsonl: 7,000 calls: 7,000 landed, 0 were there, 0 quarantined"
    assert stored(url, "select count(*), count(distinct message_id) from raw_segment.events") == [
        (7_050, 7_050)
    ]


def test_a_bad_line_is_kept_with_its_file_and_line(url: str, tmp_path: Path):
    file = tmp_path / "calls.jsonl"
    file.write_bytes(lines(2) + b"\n  \nnot json\n" + b"\xff\n" + lines(1, start=2))
    assert load_files(url, [file], "demo-app", lambda line: None) == Loaded(5, 3, 0, 2)
    kept = stored(url, "select reason, detail, payload from raw_segment.quarantine order by 1 desc")
    assert [(reason, payload) for reason, _, payload in kept] == [
        ("malformed_json", "not json"),
        ("invalid_utf8", "\\xff"),
    ]
    assert kept[0][1].startswith("calls.jsonl line 5: ")
    assert kept[1][1].startswith("calls.jsonl line 6: ")


def test_nothing_lands_when_a_file_or_the_source_is_missing(url: str, tmp_path: Path):
    (tmp_path / "a.jsonl").write_bytes(lines(1))
    with pytest.raises(ProblemError, match=r"no file .*missing.jsonl"):
        load_files(url, [tmp_path / "a.jsonl", tmp_path / "missing.jsonl"], "demo-app", print)
    with pytest.raises(ProblemError, match=r"no source nobody.*demo-app, demo-planhat"):
        load_files(url, [tmp_path / "a.jsonl"], "nobody", print)
    assert stored(url, "select * from raw_segment.events") == []


def test_nothing_lands_when_one_of_the_files_is_none_of_calls(url: str, tmp_path: Path):
    (tmp_path / "a.jsonl").write_bytes(lines(1))
    (tmp_path / "b.csv").write_text("id,type\n1,track\n")
    with pytest.raises(ProblemError, match=r"b\.csv is no file of calls"):
        load_files(url, [tmp_path / "a.jsonl", tmp_path / "b.csv"], "demo-app", print)
    assert stored(url, "select * from raw_segment.events") == []


def test_a_damaged_archive_is_said_and_what_was_before_it_landed(url: str, tmp_path: Path):
    file = tmp_path / "calls.jsonl.gz"
    file.write_bytes(gzip.compress(lines(10))[:-12])
    with pytest.raises(ProblemError, match=r"calls.jsonl.gz cannot be read"):
        load_files(url, [file], "demo-app", lambda line: None)


def test_what_is_before_the_end_of_a_torn_file_lands_and_so_do_the_others(url: str, tmp_path: Path):
    whole = gzip.compress(lines(3_000))
    (tmp_path / "1.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "2.jsonl").write_bytes(lines(10, start=9_000))
    (tmp_path / "3.json").write_text('[{"type":"x","messageId":"last"}, {"type":')
    said: list[str] = []
    with pytest.raises(ProblemError) as problem:
        load_files(url, sorted(tmp_path.iterdir()), "demo-app", said.append)
    assert str(problem.value).count("What was before it landed.") == 2
    assert "\n" not in str(problem.value)
    assert said[1:] == [
        "2.jsonl: 10 calls: 10 landed, 0 were there, 0 quarantined",
        "3.json: 1 call: 1 landed, 0 were there, 0 quarantined",
    ]
    [(landed,)] = stored(url, "select count(*) from raw_segment.events")
    assert 111 < landed < 3_011
    assert said[0].startswith(f"1.jsonl.gz: {landed - 11:,} calls: ")
