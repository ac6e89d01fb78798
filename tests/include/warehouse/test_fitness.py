"""What a Postgres of one's own lacks is said before anything else, in a line that mends it."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from include.errors import ProblemError
from include.settings import Settings, load_settings
from include.warehouse import embedded, fitness
from include.warehouse.connection import connect
from include.warehouse.fitness import SCHEMAS
from include.warehouse.migrate import FOLDER, check_migrated, migrate
from tests.include.own_postgres import OwnDatabase, as_its_user, documented_statements, own_database
from tests.include.running import cli, enterable, free_port


@pytest.fixture(scope="module")
def admin_url(server: Settings) -> str:
    return embedded.server_url(server, "postgres")


@pytest.fixture(scope="module")
def own(admin_url: str) -> Iterator[OwnDatabase]:
    """Migrated with exactly the documented rights; tests leave it as they found it."""
    with own_database(admin_url, "fit") as own:
        assert migrate(own.url)
        yield own


def problem(url: str) -> str:
    with pytest.raises(ProblemError) as caught:
        check_migrated(url)
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_the_documented_rights_are_enough_to_migrate(own: OwnDatabase) -> None:
    check_migrated(own.url)
    assert migrate(own.url) == []


def test_the_documents_name_the_versions_and_every_schema() -> None:
    text = (FOLDER.parents[2] / "docs" / "server.md").read_text()
    assert f"Postgres {fitness.OLDEST} to 18." in text
    rights, schemas = documented_statements()
    assert any("create role" in each for each in rights)
    made = [found[1] for each in schemas if (found := re.match(r"create schema (\w+)", each))]
    assert sorted(made) == sorted(SCHEMAS)
    # and these are all that there are
    migrations = " ".join(file.read_text() for file in FOLDER.glob("*.sql"))
    assert set(re.findall(r"^create schema (\w+);", migrations, re.MULTILINE)) < set(SCHEMAS)
    project = (FOLDER.parents[2] / "dbt_project" / "dbt_project.yml").read_text()
    assert set(re.findall(r"\+schema: (\w+)", project)) < set(SCHEMAS)


@pytest.mark.parametrize(
    ("take", "give", "said"),
    [
        (
            "revoke temporary on database warehouse from planhat_segment",
            "grant temporary on database warehouse to planhat_segment",
            "grant temporary on database fit_db to fit",
        ),
        (
            "revoke create on database warehouse from planhat_segment",
            "grant create on database warehouse to planhat_segment",
            "grant create on database fit_db to fit, or create the schemas "
            "staging, intermediate, marts, planhat, to_planhat for it",
        ),
        (
            "revoke usage on schema sync from planhat_segment",
            "grant usage on schema sync to planhat_segment",
            "grant usage, create on schema sync to fit",
        ),
        (
            "revoke create on schema raw_segment, raw_planhat from planhat_segment",
            "grant create on schema raw_segment, raw_planhat to planhat_segment",
            "grant usage, create on schema raw_segment, raw_planhat to fit",
        ),
        (
            "create table sync.another ()",
            "drop table sync.another",
            "sync.another belongs to planhat, and fit cannot change it: grant planhat to fit",
        ),
        (
            "alter role planhat_segment set default_transaction_read_only = on",
            "alter role planhat_segment reset default_transaction_read_only",
            "set default_transaction_read_only = off",
        ),
        (
            "delete from sync.migrations where name = (select max(name) from sync.migrations)",
            None,
            f"The warehouse lacks the migration {max(FOLDER.glob('*.sql')).stem}: run `make up`",
        ),
    ],
)
def test_a_right_that_is_missing_is_said_with_the_statement_that_gives_it(
    own: OwnDatabase, take: str, give: str | None, said: str
) -> None:
    own.as_admin(take)
    try:
        assert said in problem(own.url)
    finally:
        last = max(file.name for file in FOLDER.glob("*.sql"))
        own.as_admin(give or f"insert into sync.migrations (name) values ('{last}')")
    check_migrated(own.url)


def test_a_schema_that_is_there_needs_no_right_to_make_it(admin_url: str) -> None:
    with own_database(admin_url, "given", schemas_beforehand=True) as own:
        assert migrate(own.url)
        check_migrated(own.url)


def test_a_member_of_the_owner_may_do_what_the_owner_may(own: OwnDatabase) -> None:
    other = f"postgresql://colleague:x@{own.url.split('@')[1]}"
    own.as_admin(
        "create role colleague login password 'x'",
        "grant connect, create, temporary on database warehouse to colleague",
    )
    try:
        assert "grant usage, create on schema sync, raw_segment, raw_planhat" in problem(other)
        own.as_admin("grant usage, create on schema sync, raw_segment, raw_planhat to colleague")
        assert "fit, and colleague cannot change it: grant fit to colleague" in problem(other)
        own.as_admin("grant planhat_segment to colleague")
        check_migrated(other)
    finally:
        own.as_admin("drop owned by colleague", "drop role colleague")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("encoding 'LATIN1' locale 'C'", "has the encoding LATIN1"),
        ("encoding 'SQL_ASCII' locale 'C'", "has the encoding SQL_ASCII"),
        ("encoding 'UTF8' locale 'C' locale_provider libc", "knows no letters but those"),
    ],
)
def test_a_database_that_holds_not_every_letter_is_refused(
    admin_url: str, made: str, said: str
) -> None:
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f"create database odd {made} template template0".encode())
    try:
        assert said in problem(admin_url.rpartition("/")[0] + "/odd")
    finally:
        with psycopg.connect(admin_url, autocommit=True) as admin:
            admin.execute("drop database odd with (force)")


def test_an_older_server_is_refused_by_its_number(
    own: OwnDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitness, "OLDEST", 99)
    said = problem(own.url)
    assert said.startswith("The warehouse runs on Postgres 18.")
    assert "99 is the oldest that works" in said


def test_a_command_says_it_in_one_line_and_ends_with_1(own: OwnDatabase) -> None:
    own.as_admin("revoke temporary on database warehouse from planhat_segment")
    try:
        done = cli("plan", AIRFLOW_CONN_WAREHOUSE=own.url)
    finally:
        own.as_admin("grant temporary on database warehouse to planhat_segment")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "grant temporary on database fit_db to fit" in line


@pytest.fixture(scope="module")
def pooled(own: OwnDatabase, tmp_path_factory: pytest.TempPathFactory):
    """`with pooled(**options) as url:` the database behind a pgbouncer with these options."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("a pool before Postgres: apt-get install pgbouncer")

    @contextmanager
    def run(**options: object) -> Iterator[str]:
        folder = enterable(tmp_path_factory.mktemp("pool"))
        folder.chmod(0o755)
        known, port = conninfo_to_dict(own.url), free_port()
        settings = {
            "listen_addr": "127.0.0.1", "listen_port": port, "unix_socket_dir": "",
            "auth_type": "plain", "auth_file": folder / "users",
            "ignore_startup_parameters": "extra_float_digits,options", **options,
        }  # fmt: skip
        password = str(known["password"]).replace('"', '""')
        (folder / "users").write_text(f'"{known["user"]}" "{password}"\n')
        (folder / "ini").write_text(
            f"[databases]\n{own.database} = host={known['host']} port={known['port']}\n"
            "[pgbouncer]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items())
        )
        with subprocess.Popen(
            [program, "-q", str(folder / "ini")], cwd="/", **as_its_user(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as pool:  # fmt: skip
            url = own.url.replace(f":{known['port']}/", f":{port}/")
            try:
                _wait_for(port, pool)
                yield url
            finally:
                pool.kill()

    return run


def _wait_for(port: int, pool: subprocess.Popen) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert pool.poll() is None, "pgbouncer ended"
        time.sleep(0.05)
    raise AssertionError("pgbouncer does not listen")


@pytest.mark.parametrize(
    "options",
    [
        {"pool_mode": "transaction"},
        {"pool_mode": "transaction", "default_pool_size": 1},
        {"pool_mode": "transaction", "server_round_robin": 1, "min_pool_size": 2},
        {"pool_mode": "statement"},
    ],
    ids=lambda options: " ".join(f"{name}={value}" for name, value in options.items()),
)
def test_a_pool_that_shares_sessions_is_refused(pooled, options: dict) -> None:
    with pooled(**options) as url:
        assert "Set pgbouncer's pool_mode to session" in problem(url)


def test_a_pool_that_keeps_sessions_is_taken(pooled) -> None:
    with pooled(pool_mode="session") as url:
        check_migrated(url)


def test_a_pool_that_refuses_options_is_told_how_to_take_them(pooled) -> None:
    with pooled(pool_mode="session", ignore_startup_parameters="extra_float_digits") as url:
        assert "ignore_startup_parameters = extra_float_digits,options" in problem(url)


def test_four_ways_to_have_no_connection_are_four_lines(own: OwnDatabase) -> None:
    server = own.url.split("@")[1].split("/")[0]
    port = server.split(":")[1]
    lines = [
        problem(url)
        for url in (
            f"postgresql://{own.role}:wr%40ng@{server}/{own.database}",
            f"postgresql://{own.role}:secret@no.such.host.invalid:{port}/{own.database}",
            f"postgresql://{own.role}:secret@127.0.0.1:{free_port()}/{own.database}",
            f"{own.url}?sslmode=require",
        )
    ]
    assert f"refuses the password of {own.role}" in lines[0]
    assert "No host named no.such.host.invalid is known" in lines[1]
    assert "does not answer (Connection refused)" in lines[2]
    assert "No encrypted connection" in lines[3]
    assert "secret" not in " ".join(lines)
    assert "wr@ng" not in " ".join(lines)


def test_what_else_keeps_a_role_out_is_said_too(own: OwnDatabase) -> None:
    server = own.url.split("@")[1].split("/")[0]
    assert "no database nowhere" in problem(own.url.replace(own.database, "nowhere"))
    assert "wants a password" in problem(f"postgresql://{own.role}@{server}/{own.database}")
    own.as_admin("revoke connect on database warehouse from planhat_segment")
    try:
        assert f"grant connect on database {own.database} to {own.role}" in problem(own.url)
    finally:
        own.as_admin("grant connect on database warehouse to planhat_segment")
    own.as_admin("alter role planhat_segment connection limit 0")
    try:
        assert "no connection left" in problem(own.url)
    finally:
        own.as_admin("alter role planhat_segment connection limit -1")


def test_a_connection_works_when_its_password_needs_every_escape(own: OwnDatabase) -> None:
    with connect(own.url, application_name="test") as connection:
        assert connection.info.user == own.role
    assert load_settings({"AIRFLOW_CONN_WAREHOUSE": own.url}).airflow_conn_warehouse == own.url
