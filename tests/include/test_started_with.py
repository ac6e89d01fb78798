"""Which services a changed setting concerns."""

import subprocess
from pathlib import Path

import pytest

from include import started_with
from include.services import AIRFLOW, PROGRAMS
from include.settings import load_settings

ODD = "p@ss 'w\"rd$HOME`id`\\%é\n;x"


@pytest.mark.parametrize(
    ("name", "programs"),
    [
        ("COLLECTOR_WORKERS", {"collector"}),
        ("POSTGRES_PORT", set(PROGRAMS) - {"played-planhat"}),
        ("AIRFLOW_CONN_WAREHOUSE", set(PROGRAMS) - {"postgres", "played-planhat"}),
        ("COLLECTOR_PUBLIC_URL", set(PROGRAMS) - {"postgres", "played-planhat"}),
        ("PLAYED_PLANHAT_PORT", {"played-planhat", *AIRFLOW}),
        ("AIRFLOW_CONN_PLANHAT", set(AIRFLOW)),
        ("AIRFLOW_CONN_SEGMENT", set(AIRFLOW)),
        ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", set(AIRFLOW)),
        ("PUSH_CRON", set(AIRFLOW)),
        ("SOMETHING_ELSE", set()),
    ],
)
def test_a_setting_concerns_some_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, programs: set[str]
) -> None:
    monkeypatch.delenv(name, raising=False)
    for program in PROGRAMS:
        started_with.remember(tmp_path, program, tmp_path / "log")
        assert started_with.changed(tmp_path, program) == []
    monkeypatch.setenv(name, ODD)
    assert {each for each in PROGRAMS if started_with.changed(tmp_path, each)} == programs
    assert ODD not in (tmp_path / "started.json").read_text()
    monkeypatch.setenv(name, "")  # empty counts as not set
    assert not any(started_with.changed(tmp_path, each) for each in PROGRAMS)


def test_the_script_hands_on_every_character_and_is_its_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_ADMIN_PASSWORD", ODD)
    started_with.write_launcher(load_settings({"DATA_DIR": str(tmp_path)}), tmp_path)
    script = started_with.launcher(tmp_path)
    assert script.stat().st_mode & 0o777 == 0o700
    done = subprocess.run(
        [script, "-c", "import os; print(os.environ['AIRFLOW_ADMIN_PASSWORD'], end='')"],
        env={}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == ODD
