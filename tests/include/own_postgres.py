"""A Postgres of one's own, made as docs/server.md says: Debian's oldest, or the newest."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from include.settings import ROOT
from include.warehouse.embedded import _owner
from include.warehouse.fitness import OLDEST
from tests.include.running import free_port

# Everything that a URL, a shell, JSON or a format has a meaning of its own for.
PASSWORD = "p@ss/w:rd%#é?&=+ 1'\"\\{}$x"
BINARIES = Path(f"/usr/lib/postgresql/{OLDEST}/bin")


def documented_statements() -> tuple[list[str], list[str]]:
    """The two blocks of SQL in docs/server.md: a role's rights, and schemas made for it."""
    text = (ROOT / "docs" / "server.md").read_text()
    section = text.split("## A Postgres of your own")[1].split("\n## ")[0]
    blocks = re.findall(r"^```sql\n(.+?)^```", section, re.DOTALL | re.MULTILINE)
    rights, schemas = ([line for line in block.splitlines() if line] for block in blocks)
    return rights, schemas


@dataclass(frozen=True)
class OwnDatabase:
    """A database of a server that is not ours, and the role that the docs say to make."""

    admin_url: str
    url: str
    database: str
    role: str

    def as_admin(self, *statements: str) -> None:
        """Run statements in the database, as somebody who may."""
        with psycopg.connect(self.admin_url, dbname=self.database, autocommit=True) as admin:
            for statement in statements:
                admin.execute(self._named(statement).encode())

    def _named(self, statement: str) -> str:
        password = sql.Literal(PASSWORD).as_string()
        return (
            statement.replace("'choose one'", password)
            .replace("planhat_segment", self.role)
            .replace("database warehouse", f"database {self.database}")
        )


@contextmanager
def own_database(
    admin_url: str, name: str, *, schemas_beforehand: bool = False
) -> Iterator[OwnDatabase]:
    """What the docs' statements make on the server of `admin_url`, whose user may do everything."""
    known = conninfo_to_dict(admin_url)
    url = (
        f"postgresql://{name}:{quote(PASSWORD, safe='')}@{known['host']}:{known['port']}/{name}_db"
    )
    own = OwnDatabase(admin_url, url, f"{name}_db", name)
    rights, schemas = documented_statements()
    with psycopg.connect(admin_url, dbname="postgres", autocommit=True) as admin:
        for statement in rights:
            admin.execute(own._named(statement).encode())
        try:
            if schemas_beforehand:
                own.as_admin(*schemas)
            yield own
        finally:
            admin.execute(f"drop database {own.database} with (force)".encode())
            admin.execute(f"drop role {own.role}".encode())


def as_its_user() -> dict[str, Any]:
    """For `subprocess`: as root, servers run as somebody else."""
    owner = _owner()
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}


@contextmanager
def oldest_server() -> Iterator[str]:
    """Debian's packaged Postgres, running; yields its administrator's URL.

    Skips where its binaries are not installed.
    """
    if not (BINARIES / "initdb").exists():
        pytest.skip(f"the oldest supported server: apt-get install postgresql-{OLDEST}")
    # not among pytest's folders, which each run of pytest closes to others again
    folder = Path(tempfile.mkdtemp(prefix="oldest-postgres-"))
    folder.chmod(0o777)
    data, port, log = folder / "data", free_port(), folder / "log"

    def run(*command: str) -> None:
        with log.open("ab") as output:
            subprocess.run(
                command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd="/",
                check=True, timeout=120, **as_its_user(),
            )  # fmt: skip

    (folder / "password").write_text("admin")
    log.touch()
    run(
        str(BINARIES / "initdb"), "-D", str(data), "--username=admin", "--encoding=UTF8",
        "--locale=C", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync",
    )  # fmt: skip
    options = {
        "port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
        "fsync": "off", "full_page_writes": "off", "lc_messages": "C",
    }  # fmt: skip
    with (data / "postgresql.auto.conf").open("a") as configuration:
        configuration.writelines(f"{name} = '{value}'\n" for name, value in options.items())
    try:
        run(str(BINARIES / "pg_ctl"), "-D", str(data), "-w", "start")
        yield f"postgresql://admin:admin@127.0.0.1:{port}/postgres"
    finally:
        run(str(BINARIES / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder)
