"""The command line: global options, the commands, and one line for every error."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from config.errors import ConfigError
from config.settings import default_data_dir
from monitor.about import VERSION
from monitor.commands.common import State, UsageProblem, say
from monitor.errors import MonitorError, RightRefused
from storage.errors import NotFound, StorageError

app = typer.Typer(
    name="bazaarwatch",
    help="Watch online marketplaces for stolen art and counterfeit goods, and carry each finding to a complaint.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_INTERRUPTED = 130  # by Ctrl-C, as shells say it
_COMMANDS = {  # by name: the file under monitor/commands that holds it; loaded only when asked for
    "init": "setup",
    "works": "works",
    "owners": "owners",
    "rights": "rights",
    "accounts": "accounts",
    "readiness": "accounts",
    "vault": "vault",
    "sellers": "sellers",
    "search": "searches",
    "scan": "crawling",
    "run": "crawling",
    "worker": "jobs",
    "jobs": "jobs",
    "import": "crawling",
    "parse": "crawling",
    "match": "matching",
    "explain": "detection",
    "calibrate": "detection",
    "attack": "detection",
    "replay": "detection",
    "marketplaces": "marketplaces",
    "keywords": "keywords",
    "alerts": "alerts",
    "digest": "digest",
    "complaints": "complaints",
    "policies": "policies",
    "submit": "submitting",
    "cases": "cases",
    "mailbox": "mailbox",
    "webhooks": "webhooks",
    "evidence": "evidence",
    "retention": "retention",
    "doctor": "doctor",
    "settings": "doctor",
    "db": "setup",
    "render": "rendering",
    "serve": "serving",
    "token": "serving",
    "users": "users",
    "demo": "demo",
}


@app.callback(invoke_without_command=True)
def options(
    ctx: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="The data folder; else BAZAARWATCH_DATA_DIR or your user folder."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what is done, on standard error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Settle what every command needs."""
    if version:
        typer.echo(f"bazaarwatch {VERSION}")
        raise typer.Exit
    logging.basicConfig(
        level=logging.INFO if verbose else logging.ERROR,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    ctx.obj = State((data or default_data_dir(os.environ)).expanduser().absolute(), os.environ)


def register(arguments: Sequence[str]) -> None:
    """Load the commands that the arguments may mean; all of them where they name none."""
    if "--version" in arguments:
        return
    named = [module for name, module in _COMMANDS.items() if name in arguments]
    for module in dict.fromkeys(named or _COMMANDS.values()):
        importlib.import_module(f"monitor.commands.{module}").register(app)


def main() -> None:
    """Run the command line; exit code 2 for wrong use, 1 for failure, 0 otherwise."""
    for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(threads, "1")  # their small tasks only get in the children's way
    gc.disable()  # what is loaded now stays: to look through it for garbage took a sixth of the start
    try:
        register(sys.argv[1:])
        gc.freeze()
        gc.enable()
        code = app(standalone_mode=False)
        if code == _INTERRUPTED:  # Typer's word for Ctrl-C
            _fail("stopped", code)
    except TyperException as error:
        _fail(error.format_message(), getattr(error, "exit_code", 2))
    except (ConfigError, UsageProblem, RightRefused, NotFound) as error:
        _fail(str(error), 2)
    except (MonitorError, StorageError) as error:
        _fail(str(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        _fail("stopped", _INTERRUPTED)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code or 0)


def _fail(message: str, code: int) -> None:
    say(f"error: {message}")
    sys.exit(code)
