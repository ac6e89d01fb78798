"""`python -m include.collector`: run the collector against the warehouse of the settings."""

import argparse
import sys

from include.analytics_js import default_folder
from include.collector.options import WEBHOOK_LIMITS, ConnectionLimits, Limits, Options
from include.collector.serve import serve
from include.errors import ProblemError, SettingError
from include.settings import Settings, load_settings
from include.warehouse.connection import warehouse_url


def main() -> int:
    """Exit code 0 after SIGTERM or SIGINT, 1 with one line when it cannot start."""
    try:
        settings = load_settings()
        chosen = _chosen(settings)
        url = warehouse_url(settings)
        serve(url, chosen.host, chosen.port, _options(settings, chosen), say=_say)
    except ProblemError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    return 0


def _chosen(settings: Settings) -> argparse.Namespace:
    """The flags; what is not said is as the settings say."""
    parser = argparse.ArgumentParser(prog="python -m include.collector", description=__doc__)
    parser.add_argument("--host", default=settings.collector_host)
    parser.add_argument("--port", type=int, default=settings.collector_port)
    parser.add_argument(
        "--workers", type=int, default=settings.collector_workers,
        help="processes that share the port",
    )  # fmt: skip
    parser.add_argument(
        "--spool-mb", type=int, default=settings.collector_spool_mb, metavar="MB",
        help="calls kept on disk while the warehouse is away, each worker; 0: none",
    )  # fmt: skip
    parser.add_argument(
        "--body-seconds", type=float, default=ConnectionLimits().seconds, metavar="S",
        help="a request that is not complete after so long is answered 408",
    )  # fmt: skip
    return parser.parse_args()


def _options(settings: Settings, chosen: argparse.Namespace) -> Options:
    if chosen.workers < 1:
        raise SettingError("COLLECTOR_WORKERS must be at least 1.")
    limits = Limits(
        event_bytes=settings.collector_call_bytes,
        body_bytes=settings.collector_batch_bytes,
        events=settings.collector_batch_calls,
    )
    return Options(
        workers=chosen.workers,
        spool_folder=settings.data_dir / "spool" if chosen.spool_mb else None,
        spool_bytes=chosen.spool_mb * 1024 * 1024,
        limits=limits,
        webhook_limits=limits.at_least(WEBHOOK_LIMITS),
        connections=ConnectionLimits(
            seconds=chosen.body_seconds, an_address=settings.collector_address_connections
        ),
        public_urls=settings.collector_public_urls,
        analytics_js_folder=settings.collector_analytics_js_dir or default_folder(),
    )


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
