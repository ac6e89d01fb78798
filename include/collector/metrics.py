"""What the collector counts, in Prometheus's text form.

Workers share a port, so a scrape reaches any of them: each keeps its figures in a file of a folder
they share, and the one that is asked adds them up. A worker that was replaced leaves its file, so
that counters never fall.
"""

import os
from bisect import bisect_left
from collections import defaultdict
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import msgspec

_PREFIX = "collector_"
# Upper bounds of the histograms' buckets.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_CALLS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_500, 5_000)

_HELP = {
    "requests_total": ("counter", "Requests by status"),
    "received_total": ("counter", "Calls received, by source"),
    "accepted_total": ("counter", "Calls that were new, by source; spooled ones count here"),
    "duplicates_total": ("counter", "Calls that were there before, by source"),
    "turned_away_total": ("counter", "Calls of suppressed people, not kept, by source"),
    "quarantined_total": ("counter", "Calls kept apart, by source and reason"),
    "pixels_refused_total": ("counter", "Pixels without a call that is anybody's"),
    "library_metrics_total": ("counter", "Requests of analytics.js' own metrics, dropped"),
    "planhat_changes_total": ("counter", "Objects of Planhat said to have changed, by source"),
    "connections_ended_total": ("counter", "Connections that had to end, by reason"),
    "spooled_total": ("counter", "Calls that went to the spool"),
    "drained_total": ("counter", "Calls that came from the spool into the warehouse"),
    "spool_bytes": ("gauge", "Bytes in the spool now"),
    "request_calls": ("histogram", "Calls of a request"),
    "commit_calls": ("histogram", "Calls of a transaction"),
    "commit_seconds": ("histogram", "Seconds of a transaction"),
}
_BUCKETS = {"request_calls": _CALLS, "commit_calls": _CALLS, "commit_seconds": _SECONDS}


class Metrics:
    """The figures of one worker. A name with labels is written as Prometheus writes it."""

    def __init__(self, folder: Path | None = None):
        self._values: dict[str, float] = defaultdict(float)
        # Of each histogram the values in each bucket, the last beyond all bounds, and their sum.
        self._buckets = {name: [0] * (len(bounds) + 1) for name, bounds in _BUCKETS.items()}
        self._sums = dict.fromkeys(_BUCKETS, 0.0)
        self._file = folder / f"{os.getpid()}.metrics" if folder else None

    def count(self, name: str, by: float = 1, **labels: str) -> None:
        """Add to a counter."""
        if by:
            self._values[_written(name, **labels)] += by

    def observe(self, name: str, value: float) -> None:
        """Add a value to a histogram."""
        self._buckets[name][bisect_left(_BUCKETS[name], value)] += 1
        self._sums[name] += value

    def keep(self) -> None:
        """Write the figures where the other workers find them."""
        self._write_histograms()
        if self._file is not None:
            other = self._file.with_suffix(".new")
            other.write_bytes(msgspec.json.encode(self._values))
            other.replace(self._file)

    def _write_histograms(self) -> None:
        """As Prometheus has them: a bucket holds those of the smaller ones too."""
        for name, buckets in self._buckets.items():
            if not any(buckets):
                continue
            bounds = [f"{bound:g}" for bound in _BUCKETS[name]]
            for bound, total in zip([*bounds, "+Inf"], accumulate(buckets), strict=True):
                self._values[f'{name}_bucket{{le="{bound}"}}'] = total
            self._values[f"{name}_sum"] = self._sums[name]
            self._values[f"{name}_count"] = sum(buckets)

    def text(self, **gauges: float) -> bytes:
        """The figures of all workers together, in Prometheus's text form.

        `gauges` are those of now, of all workers: a worker that is gone has none.
        """
        self.keep()
        sums: dict[str, float] = defaultdict(float)
        files = self._file.parent.glob("*.metrics") if self._file else ()
        for values in [_read(file) for file in files] or [self._values]:
            for name, value in values.items():
                sums[name] += value
        sums.update(gauges)
        lines = []
        for name, (kind, help_text) in _HELP.items():
            lines += [f"# HELP {_PREFIX}{name} {help_text}", f"# TYPE {_PREFIX}{name} {kind}"]
            parts = (name, f"{name}_bucket", f"{name}_sum", f"{name}_count")
            chosen = [each for each in sums if each.partition("{")[0] in parts]
            lines += [f"{_PREFIX}{each} {sums[each]:.16g}" for each in chosen]
        return "\n".join([*lines, ""]).encode()


def _read(file: Path) -> dict[str, float]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, float])
    except (OSError, msgspec.DecodeError):
        return {}


@lru_cache(maxsize=1_000)
def _written(name: str, **labels: str) -> str:
    # Sources and reasons are words of ours: nothing in them needs quoting.
    pairs = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{pairs}}}" if pairs else name
