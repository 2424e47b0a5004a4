"""How the daemon logs: one JSON object an event, a line each."""

from __future__ import annotations

import logging
import sys

import structlog


def log_as_json(level: str) -> None:
    """Send the log to standard error as JSON lines; control characters cannot break a line."""
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("apscheduler", "pgqueuer"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
