"""Serving: the web side with its worker, the worker alone, the demonstration."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import click
import structlog
from waitress import create_server

from running import logs
from running.build import Running, flask_app
from running.command_kit import Context, open_house
from running.worker import Worker

log = structlog.get_logger()


@click.command()
@click.option("--sandbox", is_flag=True, help="With a WeCom and a DingTalk of your own machine under /sandbox.")
@click.option("--no-worker", is_flag=True, help="Only the web side; letters and timers are left to `work`.")
@click.pass_obj
def serve(context: Context, *, sandbox: bool, no_worker: bool) -> None:
    """Run the web server and, in the same process, the worker."""
    if sandbox:
        from running import trial  # noqa: PLC0415 - production must never load the sandbox

        trial.serve(context, with_worker=not no_worker)
        return
    logs.configure()
    running = open_house(context.settings())
    serve_until_stopped(running, flask_app(running), with_worker=not no_worker)


@click.command()
@click.pass_obj
def work(context: Context) -> None:
    """Run a worker alone: letters, timers, periodic jobs. Any number may run."""
    logs.configure()
    running = open_house(context.settings(), migrate=False)
    worker = Worker(running)
    worker.start()
    wait_for_signal()
    worker.stop()
    running.database.close()


@click.command()
@click.option("--exit", "leave", is_flag=True, help="End after the loop instead of serving on.")
@click.option("--port", default=8000, show_default=True, help="Where to serve the pages.")
@click.pass_obj
def demo(context: Context, *, leave: bool, port: int) -> None:
    """Load a sample distributor, play the whole loop through the sandbox, then serve it."""
    from running import trial  # noqa: PLC0415 - production must never load the sandbox

    trial.demo(context, leave=leave, port=port)


def serve_until_stopped(running: Running, app: Any, *, with_worker: bool, host: str = "", threads: int = 0) -> None:
    """Serve a WSGI application until a signal; the worker ticks beside it and finishes its batch."""
    server = new_server(running, app, host=host, threads=threads)
    worker = Worker(running) if with_worker else None
    if worker:
        worker.start()
    log.info("serving", port=running.settings.server.port, worker=with_worker)
    signal.signal(signal.SIGTERM, _stop)
    try:
        server.run()
    except (KeyboardInterrupt, SystemExit):
        log.info("stopping")
    finally:
        server.close()
        if worker:
            worker.stop()
        running.database.close()


def new_server(running: Running, app: Any, *, host: str = "", threads: int = 0) -> Any:
    """A waitress server, its socket open."""
    server = running.settings.server
    return create_server(
        app, host=host or server.host, port=server.port, threads=threads or server.threads, ident="jiuhui"
    )


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def wait_for_signal() -> None:
    """Return when somebody asks the process to end."""
    over = threading.Event()
    handler: Callable[[int, FrameType | None], None] = lambda _number, _frame: over.set()  # noqa: E731 - a handler of one word
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)
    over.wait()


COMMANDS = (serve, work, demo)
