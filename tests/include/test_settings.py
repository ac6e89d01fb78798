"""Settings: the environment over `.env` over the defaults, each one explained."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from include import settings as settings_module
from include.errors import SettingError
from include.settings import ROOT, SegmentConnection, Settings, load_settings, segment_connection

EXAMPLE = (ROOT / ".env.example").read_text()
# Read by Airflow or by compose, not by the settings.
OTHERS = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
    "POSTGRES_PASSWORD",
    "AIRFLOW_CONN_PUSH_ALERTS",
    "AIRFLOW_CONN_USAGE_ALERTS",
}


def examples() -> dict[str, str]:
    return dict(re.findall(r"^# ([A-Z][A-Z_0-9]+)=(.*)$", EXAMPLE, re.M))


def test_the_example_explains_every_setting_and_nothing_else() -> None:
    assert set(examples()) - OTHERS == {each.name.upper() for each in fields(Settings)}


def test_the_example_names_the_defaults() -> None:
    for each in fields(Settings):
        default = each.default
        assert examples()[each.name.upper()] == ("" if default is None else str(default))


def test_the_example_as_it_stands_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(EXAMPLE)
    for name in examples():
        monkeypatch.delenv(name, raising=False)
    plain = load_settings({})
    monkeypatch.setattr(settings_module, "ROOT", tmp_path)
    assert load_settings().data_dir == tmp_path / ".data"
    assert {**vars(load_settings()), "data_dir": None} == {**vars(plain), "data_dir": None}


def test_the_docs_describe_every_setting() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    missing = [name for name in examples() if f"`{name}`" not in text]
    assert missing == []


def test_every_example_has_an_explanation_above_it() -> None:
    blocks = re.split(r"\n\n", EXAMPLE)
    for block in blocks:
        if re.search(r"^# [A-Z_0-9]+=", block, re.M):
            words = [line for line in block.splitlines() if not re.match(r"# [A-Z_0-9]+=", line)]
            assert sum(len(line) for line in words) > 40, block


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_settings({"AIRFLOW_PORT": " ", "PUSH_CRON": ""}) == load_settings({})


def test_a_port_that_is_no_number_is_said_with_its_name() -> None:
    with pytest.raises(SettingError, match="AIRFLOW_PORT must be a whole number, not '80a'"):
        load_settings({"AIRFLOW_PORT": "80a"})


def test_a_relative_folder_starts_at_the_project_whatever_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings({"DATA_DIR": "somewhere"}).data_dir == ROOT / "somewhere"


def test_on_the_embedded_server_a_push_goes_to_the_local_collector() -> None:
    known = segment_connection(load_settings({"COLLECTOR_PORT": "9000"}))
    assert known == SegmentConnection("http://127.0.0.1:9000", "demo-planhat")


def test_on_a_real_warehouse_a_push_without_a_destination_is_refused() -> None:
    with pytest.raises(SettingError, match="AIRFLOW_CONN_SEGMENT is not set"):
        segment_connection(load_settings({"AIRFLOW_CONN_WAREHOUSE": "postgresql://db/warehouse"}))


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("https://api.segment.io", "no write key"),
        ("https://:@api.segment.io", "no write key"),
        ("api.segment.io", "must look like"),
        ("postgresql://:key@db", "must look like"),
    ],
)
def test_a_segment_connection_that_is_not_one_is_said_in_a_line(uri: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        SegmentConnection.from_uri(uri)


def test_a_write_key_is_decoded_and_never_shown() -> None:
    known = SegmentConnection.from_uri("https://:k%2Fe%40y@api.segment.io")
    assert known.write_key == "k/e@y"
    assert "k/e@y" not in repr(known) + known.destination
    secret = {"AIRFLOW_CONN_SEGMENT": "https://:hush@h", "AIRFLOW_ADMIN_PASSWORD": "hush"}
    assert "hush" not in repr(load_settings(secret))


def test_another_key_or_host_is_another_destination() -> None:
    one = SegmentConnection("https://api.segment.io", "one")
    assert one.destination != SegmentConnection("https://api.segment.io", "two").destination
    assert (
        one.destination
        != SegmentConnection("https://events.eu1.segmentapis.com", "one").destination
    )


def test_the_collectors_address_is_the_public_one_where_that_is_set() -> None:
    port = {"COLLECTOR_PORT": "8101"}
    assert load_settings(port).collector_address == "http://127.0.0.1:8101"
    assert (
        load_settings({**port, "COLLECTOR_HOST": "0.0.0.0"}).collector_address
        == "http://127.0.0.1:8101"
    )
    public = load_settings({**port, "COLLECTOR_PUBLIC_URL": "https://calls.example.com/in/"})
    assert public.collector_address == "https://calls.example.com/in"


@pytest.mark.parametrize(
    "url",
    ["calls.example.com", "ftp://calls.example.com", "https://", "https://calls.example.com?x=1"],
)
def test_a_public_address_that_is_none_is_said_with_its_name(url: str) -> None:
    with pytest.raises(SettingError, match="COLLECTOR_PUBLIC_URL must look like https://"):
        load_settings({"COLLECTOR_PUBLIC_URL": url})


def test_a_public_address_holds_no_password_because_it_is_shown() -> None:
    with pytest.raises(SettingError, match="no user and no password") as refused:
        load_settings({"COLLECTOR_PUBLIC_URL": "https://user:secret@calls.example.com"})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "link",
    ["https://ws.planhat.com/acme", "http://ws.example/{id}", "javascript:{id}",
     "https://ws.example/{id}?m={models}", "https://user@ws.example/{id}"],
)  # fmt: skip
def test_a_link_into_planhats_app_that_is_none_is_said_with_its_name(link: str) -> None:
    with pytest.raises(SettingError, match="PLANHAT_APP_LINK must be an https address"):
        load_settings({"PLANHAT_APP_LINK": link})


def test_a_link_into_planhats_app_is_kept_as_it_is() -> None:
    link = "https://ws.planhat.com/acme/home/data-explorer/{model}?preview={Model}.{id}"
    assert load_settings({"PLANHAT_APP_LINK": link}).planhat_app_link == link
