import json
from datetime import date
from pathlib import Path

import psycopg
import pytest

from include.planhat.models import MODELS
from include.planhat.reading import read_folder
from include.sample.documents import gone_objects, objects
from tests.include.sample.exports import write_exports

BASE = date(2026, 3, 14)


def test_the_same_base_date_gives_the_same_bytes(tmp_path: Path):
    first = write_exports(tmp_path / "a", BASE)
    second = write_exports(tmp_path / "b", BASE)
    assert len(first) == 18
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_another_base_date_moves_dates_and_no_identity():
    one, other = objects(BASE), objects(date(2026, 3, 19))
    for model in one:
        assert [each["_id"] for each in one[model]] == [each["_id"] for each in other[model]]
    assert one["license"] != other["license"]


def test_the_base_is_as_large_as_it_is_meant_to_be():
    counts = {model: len(found) for model, found in objects(BASE).items()}
    assert counts["company"] == 40
    assert 390 <= counts["enduser"] <= 420
    assert set(counts) == {model.name for model in MODELS}
    assert all(counts.values())


def test_every_object_has_an_id_of_its_own_and_belongs_to_a_company_of_the_base():
    found = objects(BASE)
    ids = [each["_id"] for every in found.values() for each in every]
    assert len(ids) == len(set(ids))
    companies = {each["_id"] for each in found["company"]}
    for model, every in found.items():
        for each in every:
            owner = each.get("companyId", each.get("cId"))
            assert owner is None or owner in companies, (model, each["_id"])


def test_external_ids_are_unique_within_their_company_and_not_beyond():
    found = objects(BASE)
    keys = [each["externalId"] for each in found["company"] if "externalId" in each]
    assert len(keys) == len(set(keys)) == 39
    for model in ("enduser", "asset", "project", "license"):
        pairs = [
            (each["companyId"], each["externalId"]) for each in found[model] if "externalId" in each
        ]
        assert len(pairs) == len(set(pairs)), model
    shared = [each["externalId"] for each in found["asset"]]
    assert len(set(shared)) < len(shared)


def test_odd_names_and_human_custom_fields_are_there():
    found = objects(BASE)
    assert all(isinstance(each["invoiceDate"], int) for each in found["invoice"])
    assert all("cId" in each and "extId" in each for each in found["invoice"])
    assert all("euId" in each and "cId" in each for each in found["nps"])
    assert all(isinstance(each["_currency"], dict) for each in found["license"])
    assert any(len(each["companyIds"]) > 1 for each in found["issue"])
    assert {each["type"] for each in found["conversation"]} == {"email", "call", "note"}
    custom = {name for each in found["company"] for name in each["custom"]}
    assert any(" " in name for name in custom)
    assert any(isinstance(each["custom"]["Regions"], list) for each in found["company"])


@pytest.fixture(scope="module")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    write_exports(folder, BASE)
    return folder


def test_the_reader_takes_every_object_as_it_was_meant(warehouse: str, sample_folder: Path):
    report = read_folder(warehouse, sample_folder, say=print)
    assert report.rejected == 0
    with psycopg.connect(warehouse) as connection:
        rows = connection.execute("select model, planhat_id, payload from raw_planhat.objects")
        read = {(model, planhat_id): payload for model, planhat_id, payload in rows}
    written = {
        (model, each["_id"]): each for model, every in objects(BASE).items() for each in every
    }
    assert set(read) == set(written)
    for key, payload in read.items():
        # A blank cell of a CSV is no value; JSON says null.
        expected = {name: value for name, value in written[key].items() if value is not None}
        present = {name: value for name, value in payload.items() if value is not None}
        assert present == json.loads(json.dumps(expected)), key


def test_what_is_gone_is_not_in_the_base():
    ids = {each["_id"] for every in objects(BASE).values() for each in every}
    gone = [each["_id"] for every in gone_objects(BASE).values() for each in every]
    assert len(gone) == 5
    assert not ids & set(gone)
