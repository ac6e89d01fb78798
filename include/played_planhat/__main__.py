"""`python -m include.played_planhat`: the played Planhat of the embedded server, as a service."""

import argparse
import sys

from include.errors import ProblemError
from include.played_planhat.app import PlayedPlanhat
from include.played_planhat.place import folder, port_of
from include.played_planhat.serve import listen, server_for
from include.settings import load_settings


def main() -> int:
    """Exit code 0 after SIGTERM or SIGINT, 1 with one line when it cannot start."""
    try:
        settings = load_settings()
        parser = argparse.ArgumentParser(prog="python -m include.played_planhat")
        parser.add_argument("--port", type=int, default=port_of(settings))
        chosen = parser.parse_args()
        kept = folder(settings)
        kept.mkdir(parents=True, exist_ok=True)
        played = PlayedPlanhat(kept_in=kept / "documents.json")
        with listen("127.0.0.1", chosen.port) as listener:
            port = listener.getsockname()[1]
            print(f"a played Planhat, not Planhat, listens on http://127.0.0.1:{port}", flush=True)
            server_for(played).run(sockets=[listener])
    except ProblemError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
