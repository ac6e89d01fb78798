"""One JSON object a line on standard error, without keys and without what calls contain."""

import json
import logging
import os
import sys
from datetime import UTC, datetime


class _AsJson(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "worker": os.getpid(),
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            # The kind and the place of a fault; its text could quote a call.
            error = record.exc_info[1]
            line["error"] = type(error).__name__
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            if trace is not None:
                code = trace.tb_frame.f_code
                line["where"] = f"{os.path.basename(code.co_filename)}:{trace.tb_lineno}"
        return json.dumps(line)


def configure() -> None:
    """Log as JSON lines; called once in each worker."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_AsJson())
    for name in ("collector", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
    logging.getLogger("collector").setLevel(logging.INFO)
    # Its warnings are of what strangers send: they would have a line for each request.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
