"""The services on one machine: started once, brought back, stopped without a trace."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from include import airflow_api, services, supervision
from include.airflow_process import airflow_environment, sign_in, sign_in_file
from include.connections import planhat_connection_from_uri
from include.errors import ServiceError
from include.played_planhat import place as played_place
from include.played_planhat.place import planhat_of
from include.settings import Settings, load_settings, planhat_connection
from include.warehouse import embedded
from include.warehouse.connection import connect, warehouse_url
from tests.include.running import cli, enterable, environment, free_port

pytestmark = pytest.mark.starts

# How long a test waits for what should happen within seconds, on a busy machine.
PATIENCE = 90.0


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Settings]:
    """A copy of the project that nothing of runs; whatever a test starts is stopped."""
    made = new_copy(enterable(tmp_path) / "data")
    yield made
    clear(made)


def new_copy(folder: Path, **given: str) -> Settings:
    names = ("COLLECTOR_PORT", "AIRFLOW_PORT", "PLAYED_PLANHAT_PORT")
    ports = {name: str(free_port()) for name in names}
    return load_settings({"DATA_DIR": str(folder), **ports, **given})


def clear(settings: Settings) -> None:
    services.down(settings, say=lambda line: None)
    services.remove_data(settings)


def variables(settings: Settings) -> dict[str, str]:
    return {
        "DATA_DIR": str(settings.data_dir),
        "COLLECTOR_PORT": str(settings.collector_port),
        "AIRFLOW_PORT": str(settings.airflow_port),
        "PLAYED_PLANHAT_PORT": str(settings.played_planhat_port),
    }


def start_without_airflow(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # supervisord and its programs get the environment of whoever starts them.
    for name, text in environment(**variables(settings)).items():
        monkeypatch.setenv(name, text)
    with services.starting(settings):
        services.clear_the_way(settings)
        services.start_warehouse(settings, say=lambda line: None)
        services.start_collector(settings, say=lambda line: None)


def pids(settings: Settings) -> dict[str, int]:
    return {
        name: program.pid for name, program in supervision.programs(settings).items() if program.pid
    }


def is_healthy(settings: Settings) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{settings.collector_port}/health").status_code == 200
    except httpx.HTTPError:
        return False


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.1)


def test_starting_twice_starts_once_and_stopping_leaves_nothing(
    copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_without_airflow(copy, monkeypatch)
    first = pids(copy)
    assert set(first) == {"postgres", "collector"}
    assert is_healthy(copy)

    start_without_airflow(copy, monkeypatch)
    assert pids(copy) == first

    services.down(copy, say=lambda line: None)
    assert supervision.leftovers(copy) == []
    assert not any(psutil.pid_exists(pid) for pid in first.values())
    assert services.status(copy)[0][1] == "stopped"


def test_a_setting_that_changed_reaches_the_service_that_it_concerns(
    copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_without_airflow(copy, monkeypatch)
    before = pids(copy)
    monkeypatch.setenv("COLLECTOR_CALL_BYTES", "12345")
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "3")  # no concern of these two
    said: list[str] = []
    with services.starting(copy):
        services.clear_the_way(copy)
        services.start_warehouse(copy, say=said.append)
        services.start_collector(copy, say=said.append)
    assert "collector is started again: COLLECTOR_CALL_BYTES has changed." in said
    after = pids(copy)
    assert after["postgres"] == before["postgres"]
    assert after["collector"] != before["collector"]
    known = psutil.Process(after["collector"]).environ()
    assert known["COLLECTOR_CALL_BYTES"] == "12345"

    # taken back: the service is without it again, and a third start finds nothing to do
    monkeypatch.setenv("COLLECTOR_CALL_BYTES", "")
    for _ in range(2):
        with services.starting(copy):
            services.start_collector(copy, say=said.append)
    assert sum("started again" in line for line in said) == 2
    known = psutil.Process(pids(copy)["collector"]).environ()
    assert not known.get("COLLECTOR_CALL_BYTES")


def test_a_service_that_ends_at_its_start_is_said_with_its_reason(
    copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_without_airflow(copy, monkeypatch)
    monkeypatch.setenv("COLLECTOR_WORKERS", "0")
    with (
        pytest.raises(ServiceError, match="COLLECTOR_WORKERS must be at least 1"),
        services.starting(copy),
    ):
        services.start_collector(copy, say=lambda line: None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one\ntwo\n\n", "two"),
        ("Traceback\n  File x\nairflow.exceptions.UnknownExecutorException: no.such\n ____ \n",
         "airflow.exceptions.UnknownExecutorException: no.such"),
        ("ImportError: first\nValueError: second\nbanner | banner\n", "ValueError: second"),
        ("Port 8080 is taken\n", "Port 8080 is taken"),
    ],
)  # fmt: skip
def test_the_last_word_of_a_log_is_the_line_that_says_why(
    tmp_path: Path, text: str, said: str
) -> None:
    log = tmp_path / "log"
    log.write_text("OSError: of the start before\n" + text)
    assert supervision.last_line(log, since=len("OSError: of the start before\n")) == said
    # rotated meanwhile: all of it is new
    assert supervision.last_line(log, since=10**6) != f"see {log}"


@pytest.mark.parametrize("name", ["collector", "postgres"])
def test_a_service_that_is_killed_comes_back(
    copy: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    start_without_airflow(copy, monkeypatch)
    killed = pids(copy)[name]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: pids(copy).get(name, killed) != killed, f"{name} has another process")

    def answers() -> bool:
        try:
            connect(warehouse_url(copy), application_name="test").close()
        except ServiceError:
            return False
        return is_healthy(copy)

    eventually(answers, f"everything answers after {name} was killed")


def test_what_a_killed_supervisor_left_behind_is_found_and_stopped(
    copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_without_airflow(copy, monkeypatch)
    orphans = pids(copy)
    supervisor = psutil.Process(orphans["collector"]).ppid()
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: not supervision.is_running(copy), "the supervisor is gone")
    assert is_healthy(copy)  # its programs run on, with nobody to bring them back

    said: list[str] = []
    services.down(copy, say=said.append)
    assert supervision.leftovers(copy) == []
    assert not is_healthy(copy)
    assert "a killed supervisor had left behind" in said[0]


def test_after_a_killed_supervisor_starting_puts_everything_in_order(
    copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_without_airflow(copy, monkeypatch)
    before = pids(copy)
    os.kill(psutil.Process(before["collector"]).ppid(), signal.SIGKILL)
    eventually(lambda: not supervision.is_running(copy), "the supervisor is gone")
    start_without_airflow(copy, monkeypatch)
    assert is_healthy(copy)
    assert set(pids(copy).values()).isdisjoint(before.values())


def test_two_copies_do_not_touch_each_other(
    copy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_copy(tmp_path / "other")
    try:
        start_without_airflow(copy, monkeypatch)
        start_without_airflow(other, monkeypatch)
        services.down(copy, say=lambda line: None)
        assert is_healthy(other)
        assert not is_healthy(copy)
    finally:
        clear(other)


def test_a_data_folder_with_a_long_path_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A socket's path may have 107 bytes.
    long = new_copy(enterable(tmp_path) / ("long-" * 20) / "data")
    assert len(str(supervision.control_folder(long))) < 80
    try:
        start_without_airflow(long, monkeypatch)
        assert is_healthy(long)
    finally:
        clear(long)
    assert not supervision.control_folder(long).exists()


@pytest.mark.parametrize("setting", ["COLLECTOR_PORT", "AIRFLOW_PORT", "PLAYED_PLANHAT_PORT"])
def test_a_taken_port_is_said_in_one_line_and_nothing_is_started(
    copy: Settings, setting: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = cli("up", **{**variables(copy), setting: port})
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line == (
        f"Port {port} is taken by another program: end it, or set {setting} to another one."
    )
    assert supervision.leftovers(copy) == []


@pytest.mark.parametrize("setting", ["COLLECTOR_HOST", "AIRFLOW_HOST"])
@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7"])
def test_a_host_that_is_not_this_machine_is_said_and_not_called_a_taken_port(
    copy: Settings, setting: str, host: str
) -> None:
    done = cli("up", **{**variables(copy), setting: host})
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{setting} {host} is no address of this machine: set it to 127.0.0.1, or to one that is."
    ]
    assert supervision.leftovers(copy) == []


def test_a_played_planhat_stands_in_until_a_real_one_is_named(
    copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_without_airflow(copy, monkeypatch)
    with services.starting(copy):
        services.start_played_planhat(copy, say=lambda line: None)
    services.wait_for_played_planhat(copy, say=lambda line: None)
    address = f"http://127.0.0.1:{copy.played_planhat_port}"
    assert httpx.get(address).json()["played"] == "a played Planhat, not Planhat"
    named = {name: place for name, _, _, place in services.status(copy)}
    assert named["played-planhat"] == f"{address} (a played Planhat, not the real one)"
    done = cli("planhat", "--check", **variables(copy))
    assert "(a played Planhat, not the real one) knows the token" in done.stdout
    done = cli("planhat", **variables(copy))
    assert (done.returncode, done.stdout) == (1, "")
    assert "the played one is empty" in done.stderr

    real = new_copy(
        copy.data_dir, **{**variables(copy), "AIRFLOW_CONN_PLANHAT": "https://:token@api.example"}
    )
    assert "AIRFLOW_CONN_PLANHAT" not in airflow_environment(real, {})
    said: list[str] = []
    with services.starting(real):
        services.clear_the_way(real)
        services.start_played_planhat(real, say=said.append)
    assert said == ["The played Planhat is stopped: another one is named."]
    assert set(pids(real)) == {"postgres", "collector"}
    assert ("played-planhat", "not used", "", "") in services.status(real)
    assert not any("Planhat" in line for line in services.addresses(real))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("AIRFLOW_CONN_PLANHAT", "https://:token@api.example"),
        ("AIRFLOW_CONN_WAREHOUSE", "postgresql://ada:secret@127.0.0.1/warehouse"),
        ("PLANHAT_EXPORTS_DIR", "/srv/exports"),
    ],
)
def test_no_planhat_is_played_beside_a_real_system(tmp_path: Path, name: str, text: str) -> None:
    settings = new_copy(tmp_path / "data", **{name: text})
    assert not settings.plays_planhat
    assert planhat_of(settings) == planhat_connection(settings)
    services.clear_the_way(settings)
    assert not (tmp_path / "data").exists()


def test_the_played_planhats_port_is_chosen_once_and_no_other_copys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first, second = taken.getsockname()[1], free_port()
        monkeypatch.setattr(played_place, "PORTS", (first, second))
        settings = load_settings({"DATA_DIR": str(tmp_path)})
        played_place.choose_port(settings)
        assert played_place.port_of(settings) == second
    played_place.choose_port(settings)  # the first is free by now
    assert played_place.port_of(settings) == second
    named = load_settings({"DATA_DIR": str(tmp_path), "PLAYED_PLANHAT_PORT": "9123"})
    assert played_place.address(named) == "http://127.0.0.1:9123"
    # as Airflow reads it
    read = planhat_connection_from_uri(played_place.connection_uri(named))
    assert read == planhat_of(named)
    assert read.place == "127.0.0.1:9123 (a played Planhat, not the real one)"
    assert "played Planhat" not in read.quota_name + read.tenant


def test_a_data_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = cli("up", DATA_DIR=str(tmp_path / "file" / "data"))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "cannot be written" in line


def test_a_warehouse_that_does_not_answer_is_said_in_one_line(copy: Settings) -> None:
    url = f"postgresql://ada:secret@127.0.0.1:{free_port()}/warehouse"
    done = cli("up", **variables(copy), AIRFLOW_CONN_WAREHOUSE=url)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "does not answer" in line
    assert "secret" not in done.stderr + done.stdout


def test_stopping_when_nothing_was_ever_started_says_so(tmp_path: Path) -> None:
    done = cli("down", DATA_DIR=str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (0, "Nothing runs.\n")
    assert not (tmp_path / "data").exists()


def test_cleaning_deletes_what_is_ours_and_nothing_else(
    copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_without_airflow(copy, monkeypatch)
    (copy.data_dir / "mine.txt").touch()
    done = cli("clean", **variables(copy))
    assert done.returncode == 0, done.stderr
    assert [file.name for file in copy.data_dir.iterdir()] == ["mine.txt"]


def test_another_users_socket_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(ServiceError, match="belongs to somebody else"):
        supervision._private(tmp_path / "link")


CHILD = (
    "import socket, time; s = socket.create_server(('127.0.0.1', 0)); "
    "print(s.getsockname()[1], flush=True); time.sleep(60)"
)
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


def test_where_a_service_really_listens_is_said_whatever_the_setting_is_by_now() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as parent:  # fmt: skip
        try:
            port = int(parent.stdout.readline())  # type: ignore[union-attr]
            real = f"http://127.0.0.1:{port}"
            assert services.real_address("http://127.0.0.1:8080", parent.pid) == real
            assert services.real_address(real, parent.pid) == real
        finally:
            os.killpg(parent.pid, signal.SIGKILL)
    # One that is gone has none.
    assert services.real_address("http://127.0.0.1:8080", parent.pid) == "http://127.0.0.1:8080"


def idle_workers(copy: Settings) -> set[int]:
    """Airflow's processes that wait for a task."""
    found = set()
    for process in supervision.leftovers(copy):
        with suppress(psutil.Error):
            title = " ".join(process.cmdline())
            if title.startswith("airflow worker -- LocalExecutor") and "<idle>" in title:
                found.add(process.pid)
    return found


def test_all_of_it_from_nothing_with_airflow(copy: Settings) -> None:
    up = cli("up", **variables(copy))
    assert up.returncode == 0, up.stderr + up.stdout
    assert set(pids(copy)) == set(services.PROGRAMS)
    assert services.unhealthy_airflow(copy) == []

    # Made once, for their owner alone.
    passwords = sign_in(copy)
    assert set(passwords) == {"admin", "operator", "viewer"}
    for file in (sign_in_file(copy), copy.data_dir / "airflow" / "secrets.json"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert all(password in up.stdout for password in passwords.values())
    with airflow_api.AirflowApi(copy, "viewer", passwords["viewer"]) as api:
        api.wait_for_dag("push_planhat_to_segment", patience=PATIENCE, say=lambda line: None)
        with pytest.raises(ServiceError, match="403"):
            api.unpause("push_planhat_to_segment")

    # The warehouse is migrated and reachable by what `make -s url` prints, and nothing else.
    printed = cli("url", **variables(copy)).stdout
    assert printed == embedded.server_url(copy, "warehouse") + "\n"
    with connect(printed.strip(), application_name="test") as connection:
        found = connection.execute("select source from raw_segment.sources order by 1").fetchall()
    assert found == [("demo-app",), ("demo-planhat",)]

    before = pids(copy)
    again = cli("up", **variables(copy))
    assert again.returncode == 0, again.stderr
    assert pids(copy) == before
    assert "preparing Airflow's database" not in again.stdout

    idle = idle_workers(copy)
    os.kill(before["airflow-scheduler"], signal.SIGKILL)
    eventually(
        lambda: (
            pids(copy).get("airflow-scheduler") not in (None, before["airflow-scheduler"])
            and services.unhealthy_airflow(copy) == []
        ),
        "the scheduler is back and well",
    )
    # The idle workers of the killed one were ended with it; one at work may end its task.
    assert idle & idle_workers(copy) == set()

    down = cli("down", **variables(copy))
    assert down.returncode == 0, down.stderr
    assert supervision.leftovers(copy) == []
