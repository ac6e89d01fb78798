"""`python -m include.collector`: run the collector against the warehouse of the settings."""

import argparse
import sys

from include.collector.options import Options
from include.collector.serve import serve
from include.errors import ProblemError
from include.settings import load_settings
from include.warehouse.connection import warehouse_url


def main() -> int:
    """Exit code 0 after SIGTERM or SIGINT, 1 with one line when it cannot start."""
    settings = load_settings()
    parser = argparse.ArgumentParser(prog="python -m include.collector", description=__doc__)
    parser.add_argument("--host", default=settings.collector_host)
    parser.add_argument("--port", type=int, default=settings.collector_port)
    parser.add_argument("--workers", type=int, default=1, help="processes that share the port")
    parser.add_argument(
        "--spool-mb", type=int, default=256, metavar="MB",
        help="calls kept on disk while the warehouse is away, each worker; 0: none",
    )  # fmt: skip
    chosen = parser.parse_args()
    options = Options(
        workers=chosen.workers,
        spool_folder=settings.data_dir / "spool" if chosen.spool_mb else None,
        spool_bytes=chosen.spool_mb * 1024 * 1024,
    )
    try:
        url = warehouse_url(settings)
        serve(url, chosen.host, chosen.port, options, say=_say)
    except ProblemError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
