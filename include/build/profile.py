"""A plain profiles.yml for dbt by hand: `dbt build` in dbt_project, or an IDE's extension."""

from pathlib import Path

import yaml
from psycopg.conninfo import conninfo_to_dict

from include.build.project import PROJECT
from include.private_files import open_private

# where dbt and an IDE look first; git does not
PROFILE = PROJECT / "profiles.yml"
_OF_TLS = ("sslmode", "sslcert", "sslkey", "sslrootcert")


def write_profile(url: str, file: Path = PROFILE) -> Path:
    """Write the connection into `file`, for its owner alone: it has the password."""
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    output = {
        "type": "postgres",
        "host": parts.get("host", "127.0.0.1"),
        "port": int(parts.get("port", "5432")),
        "user": parts.get("user", ""),
        "password": parts.get("password", ""),
        "dbname": parts.get("dbname", ""),
        # a model says in which schema it is; only what says none goes there
        "schema": "intermediate",
        "threads": 4,
        **{name: parts[name] for name in _OF_TLS if name in parts},
    }
    profile = {"planhat_segment": {"target": "warehouse", "outputs": {"warehouse": output}}}
    with open_private(file) as written:
        written.write("# Written by `make profile`: how dbt by hand finds the warehouse.\n")
        yaml.safe_dump(profile, written, sort_keys=False)
    return file
