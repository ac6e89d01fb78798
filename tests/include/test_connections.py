"""Airflow's connections become the values that the rest takes, wherever Airflow keeps them."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from include.connections import (
    SegmentConnection,
    from_json,
    is_json,
    planhat_connection_of,
    postgres_url,
    segment_connection_of,
    webhook_address,
)
from include.errors import SettingError
from include.settings import (
    Settings,
    load_settings,
    planhat_connection,
    segment_connection,
)
from include.warehouse.connection import warehouse_url


@dataclass
class Kept:
    """The fields of Airflow's connection; tests/dags hands over Airflow's own."""

    conn_type: str
    host: str | None = None
    login: str | None = None
    password: str | None = None
    port: int | None = None
    schema: str | None = None
    extra_dejson: dict[str, Any] = field(default_factory=dict)


def test_a_password_with_odd_characters_stays_one_url() -> None:
    kept = Kept("postgres", "db", "us er", "p@/:%", 5433, "warehouse")
    assert postgres_url(kept) == "postgresql://us%20er:p%40%2F%3A%25@db:5433/warehouse"


def test_how_to_encrypt_is_kept_and_what_is_for_hooks_is_not() -> None:
    extra = {"sslmode": "verify-full", "sslrootcert": "/ca.pem", "cursor": "dictcursor"}
    url = postgres_url(Kept("postgres", "db", "u", None, None, "w", extra))
    assert url == "postgresql://u@db/w?sslmode=verify-full&sslrootcert=%2Fca.pem"


def test_a_warehouse_of_another_type_is_refused() -> None:
    with pytest.raises(SettingError, match="make it Postgres"):
        postgres_url(Kept("mysql", "db"))


@pytest.mark.parametrize(
    ("kept", "host"),
    [
        # as the environment gives it: the URI's scheme becomes the type
        (Kept("https", "api.segment.io", password="k"), "https://api.segment.io"),
        (Kept("http", "127.0.0.1", password="k", port=8100), "http://127.0.0.1:8100"),
        # as somebody types it into Airflow's form, where the type is always http
        (Kept("http", "example.com", password="k", schema="https"), "https://example.com"),
        (Kept("http", "https://example.com/", password="k"), "https://example.com"),
        # Segment's own hosts: a write key never travels in the clear
        (Kept("http", "api.segment.io", password="k"), "https://api.segment.io"),
    ],
)
def test_the_destination_is_read_from_every_way_to_write_it(kept: Kept, host: str) -> None:
    assert segment_connection_of(kept) == SegmentConnection(host, "k")


@pytest.mark.parametrize(
    ("kept", "said"),
    [(Kept("http", "h"), "no write key"), (Kept("http", password="k"), "names no host")],
)
def test_what_is_missing_is_named(kept: Kept, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        segment_connection_of(kept)


@pytest.mark.parametrize(
    ("kept", "address"),
    [
        (Kept("https", "hooks.example.com", schema="services/a"),
         "https://hooks.example.com/services/a"),
        (Kept("http", "localhost", port=8000), "http://localhost:8000"),
        (Kept("http", "https://hooks.example.com", schema="a"), "https://hooks.example.com/a"),
    ],
)  # fmt: skip
def test_a_webhook_is_read_from_every_way_to_write_it(kept: Kept, address: str) -> None:
    assert webhook_address(kept) == address


def test_a_webhook_without_a_host_is_refused() -> None:
    with pytest.raises(SettingError, match="names no host"):
        webhook_address(Kept("http"))


# Everything that a URL, a shell or a format has a meaning of its own for.
ODD = "p@ss/w:rd%#é?&=+ 1'\"\\{}[]$x%41|<>ü漢\u00a0"
SHOP = {"conn_type": "postgres", "host": "db", "login": ODD, "password": ODD, "port": 5433}


@pytest.mark.parametrize("character", sorted(set(ODD)))
def test_every_character_of_a_password_arrives_as_it_is(character: str) -> None:
    kept = Kept("postgres", "db", f"u{character}", f"{character}p{character}", 1, f"w{character}")
    known = conninfo_to_dict(postgres_url(kept))
    assert known["user"] == f"u{character}"
    assert known["password"] == f"{character}p{character}"
    assert known["dbname"] == f"w{character}"


@pytest.mark.parametrize(
    "extra",
    [
        {"sslmode": "require", "cursor": "dictcursor"},
        json.dumps({"sslmode": "require", "cursor": "dictcursor"}),
    ],
)
def test_a_warehouse_in_airflows_json_is_read_as_its_uri_is(extra: Any) -> None:
    text = " " + json.dumps(SHOP | {"schema": "w", "extra": extra})
    assert is_json(text)
    known = conninfo_to_dict(warehouse_url(load_settings({"AIRFLOW_CONN_WAREHOUSE": text})))
    assert known == {
        "host": "db", "port": "5433", "user": ODD, "password": ODD, "dbname": "w",
        "sslmode": "require",
    }  # fmt: skip


@pytest.mark.parametrize("port", ["5433", 5433])
@pytest.mark.parametrize("kind", ["postgres", "postgresql"])
def test_a_port_in_json_may_be_a_text(port: Any, kind: str) -> None:
    text = json.dumps({"conn_type": kind, "host": "::1", "port": port})
    url = warehouse_url(Settings(airflow_conn_warehouse=text))
    assert url == "postgresql://@[::1]:5433/"


def test_a_destination_in_airflows_json_is_that_of_its_uri() -> None:
    given = {"conn_type": "http", "host": "api.segment.io", "password": "k/e@y", "schema": ""}
    known = segment_connection(load_settings({"AIRFLOW_CONN_SEGMENT": json.dumps(given)}))
    as_uri = {"AIRFLOW_CONN_SEGMENT": "http://:k%2Fe%40y@api.segment.io"}
    assert known == segment_connection(load_settings(as_uri))
    assert known == SegmentConnection("https://api.segment.io", "k/e@y")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"conn_type": "postgres", "password": "hush"', "X is no JSON: see its character"),
        ('{"host": "db", "password": "hush"}', "X is JSON without a conn_type"),
        ('{"conn_type": "postgres", "extra": "{hush"}', "`extra` in X is no JSON"),
        ('{"conn_type": "postgres", "extra": "[]"}', "`extra` in X must be a JSON object"),
        ('{"conn_type": "postgres", "extra": [1]}', "an extra that is none"),
        ('{"conn_type": "postgres", "port": "hush"}', "the port must be a whole number"),
    ],
)
def test_json_that_is_no_connection_is_said_without_its_value(text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said) as caught:
        from_json("X", text)
    assert "hush" not in str(caught.value)


def test_a_warehouse_without_a_host_is_refused() -> None:
    with pytest.raises(SettingError, match="names no host"):
        warehouse_url(Settings(airflow_conn_warehouse='{"conn_type": "postgres"}'))


TENANT = "01234567-89ab-cdef-0123-456789abcdef"


def planhat(text: str) -> object:
    return planhat_connection(load_settings({"AIRFLOW_CONN_PLANHAT": text}))


def test_planhats_host_token_and_tenant_token_are_read_from_either_form() -> None:
    assert planhat_connection(load_settings({})) is None
    given = planhat(f"https://:to%40ken@api-eu.planhat.com?tenant_token={TENANT}")
    assert (given.host, given.token) == ("https://api-eu.planhat.com", "to@ken")
    assert (given.tenant_token, given.analytics_host) == (TENANT, "https://analytics.planhat.com")
    extra = {"tenant_token": TENANT}
    assert planhat_connection_of(Kept("http", "api-eu.planhat.com", None, "to@ken",
                                      extra_dejson=extra)) == given  # fmt: skip
    assert planhat_connection_of(Kept("https", "https://api-eu.planhat.com/", None, "to@ken",
                                      extra_dejson=extra)) == given  # fmt: skip
    written = {
        "conn_type": "http", "host": "api-eu.planhat.com", "password": "to@ken", "extra": extra
    }  # fmt: skip
    assert planhat(json.dumps(written)) == given


def test_planhats_own_hosts_are_asked_over_https_and_others_as_they_say() -> None:
    assert planhat("http://:t@api.planhat.com").host == "https://api.planhat.com"
    played = planhat("http://:t@127.0.0.1:8200")
    # a server of one's own has its sinks too
    assert played.host == played.analytics_host == "http://127.0.0.1:8200"
    other = planhat("http://:t@127.0.0.1:8200?analytics_host=http://127.0.0.1:8300/")
    assert other.analytics_host == "http://127.0.0.1:8300"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("api.planhat.com", "must look like"),
        ("https://:secret-token@host:port", "must look like"),
        ("https://api.planhat.com", "no token"),
        ("https://:secret%20token@api.planhat.com", "no token"),
        ("https://:secret-token@api.planhat.com?tenant_token=secret-none", "that is none"),
        ("https://:secret-token@api.planhat.com?tenant_token=" + "secret" * 6, "that is none"),
    ],
)
def test_a_planhat_connection_that_cannot_be_one_is_said_without_its_secrets(
    text: str, reason: str
) -> None:
    with pytest.raises(SettingError, match=reason) as failed:
        planhat(text)
    assert "secret" not in str(failed.value)
