"""Airflow's connections become the values that the rest takes, wherever Airflow keeps them."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from include.connections import postgres_url, segment_connection_of, webhook_address
from include.errors import SettingError
from include.settings import SegmentConnection


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
