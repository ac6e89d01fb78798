"""Files that list people, as spreadsheets and editors write them; receipts that are none."""

from pathlib import Path

import psycopg
import pytest

from include.errors import ProblemError, SettingError
from include.privacy.id_lists import ids_of
from include.privacy.receipts import all_hashes


def test_an_id_a_line_whatever_wrote_the_file(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_bytes(b"\xef\xbb\xbfann@example.com\r\n\r\n  u 7 \nlast")
    assert list(ids_of(file)) == ["ann@example.com", "u 7", "last"]


@pytest.mark.parametrize("content", [None, b"\xff\xfea"])
def test_a_file_that_is_none_is_said_in_a_line(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ids.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingError, match=r"ids\.txt cannot be read"):
        list(ids_of(file))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"hashes": null}', "{}"])
def test_a_receipt_that_cannot_be_read_is_named(
    warehouse: str, tmp_path: Path, content: str
) -> None:
    (tmp_path / "receipts").mkdir()
    (tmp_path / "receipts" / "forgotten-1.json").write_text(content)
    with (
        psycopg.connect(warehouse) as connection,
        pytest.raises(ProblemError, match=r"forgotten-1\.json is no receipt that can be read"),
    ):
        all_hashes(connection, tmp_path)
