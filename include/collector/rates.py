"""How many calls a second a source may send."""

import time


class Rates:
    """A bucket a source: it fills at the source's rate, up to one second's worth.

    A request passes while there is anything in the bucket, and may leave a debt: so a batch larger
    than a second's worth passes too, and is paid for by the wait after it.
    """

    def __init__(self, workers: int = 1):
        self._workers = workers
        # source → calls left, and when that was so
        self._left: dict[str, tuple[float, float]] = {}

    def wait(self, source: str, calls: int, per_second: int | None) -> float:
        """Seconds to wait before trying again; 0: the calls pass and are counted.

        `per_second` is the limit of all workers together, each of which allows its share; None is
        no limit.
        """
        if per_second is None:
            return 0.0
        rate = per_second / self._workers
        now = time.monotonic()
        left, then = self._left.get(source, (rate, now))
        left = min(rate, left + (now - then) * rate)
        if left <= 0:
            self._left[source] = (left, now)
            return (1 - left) / rate
        self._left[source] = (left - calls, now)
        return 0.0
