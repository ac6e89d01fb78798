"""Taking the README's pictures needs a demo: without one that is said in a line."""

import pytest

from include.errors import ServiceError
from include.page.screenshots import FOLDER, PICTURES, take
from include.settings import ROOT, load_settings


def test_without_a_demo_the_line_says_how_to_start_one(tmp_path):
    pytest.importorskip("playwright", reason="no playwright: install requirements.txt")
    settings = load_settings({"DATA_DIR": str(tmp_path)})

    with pytest.raises(ServiceError, match="make demo"):
        take(settings, tmp_path)

    assert list(tmp_path.glob("*.png")) == []


def test_every_picture_has_a_name_of_its_own():
    names = [name for name, *_ in PICTURES]

    assert names
    assert len(names) == len(set(names))


def test_every_picture_is_there_and_shown_in_the_docs():
    docs = (ROOT / "docs" / "page.md").read_text()
    names = {name for name, *_ in PICTURES}

    assert {file.stem for file in FOLDER.glob("*.png")} == names
    assert [name for name in names if f"images/{name}.png" not in docs] == []
