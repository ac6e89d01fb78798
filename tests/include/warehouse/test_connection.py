"""A warehouse's URL that cannot be read is said without its value: half of it may be a password."""

import pytest

from include.errors import SettingError
from include.settings import Settings
from include.warehouse.connection import warehouse_url


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:sekret@h/w",
        "postgresql://u:sek%ret@h/w",
        "postgresql://u:sek@ret@h:5432/w",
        "postgresql://u:sekret@h:99999/w",
        "sekret",
    ],
)
def test_a_url_that_cannot_be_read_is_not_repeated(url: str):
    with pytest.raises(SettingError, match="AIRFLOW_CONN_WAREHOUSE must look like") as caught:
        warehouse_url(Settings(airflow_conn_warehouse=url))
    assert "sek" not in str(caught.value)


def test_a_good_url_is_taken_as_it_is():
    url = "postgresql://u:p%40ss@db.example:6432/warehouse?sslmode=require"
    assert warehouse_url(Settings(airflow_conn_warehouse=url)) == url
