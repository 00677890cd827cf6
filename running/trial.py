"""The house with the sandbox: `serve --sandbox` and the demonstration. Never loaded in production."""

import os
import threading
from pathlib import Path
from typing import Any

import click
import requests

from running import logs
from running.build import Running, flask_app
from running.command_kit import Context, open_house
from running.commands_serve import new_server, serve_until_stopped, wait_for_signal
from running.demo import Demo, DemoStuck, chat_line
from running.sandboxed import make_world, mounted, personas_of, sandbox_environment
from running.worker import Worker
from sandbox.bubbles import Bubble
from sandbox.world import World
from settings import Settings, load
from settings.load import PREFIX

LOOPBACK = "127.0.0.1"
THREADS = 16  # a person's act holds one thread while its callback needs another
FOLDER = Path("var/demo")


def serve(context: Context, *, with_worker: bool) -> None:
    """Serve our own pages and both platforms, on this machine only."""
    logs.configure()
    running = open_house(_settings(context))
    world = _world(running)
    serve_until_stopped(running, _application(running, world), with_worker=with_worker, host=LOOPBACK, threads=THREADS)


def demo(context: Context, *, leave: bool, port: int) -> None:
    """Play the loop; raises ClickException when a step of it does not happen."""
    logs.configure(human=True, level="WARNING")
    running = open_house(_demo_settings(context, port))
    world = _world(running)
    server = new_server(running, _application(running, world), host=LOOPBACK, threads=THREADS)
    threading.Thread(target=server.run, name="web", daemon=True).start()
    worker = Worker(running)
    try:
        _play(running, worker, world)
        if not leave:
            _say_where(running)
            worker.start()
            wait_for_signal()
    except DemoStuck as stuck:
        raise click.ClickException(str(stuck)) from None
    finally:
        server.close()
        worker.stop()
        running.database.close()


def _play(running: Running, worker: Worker, world: World) -> None:
    def show(bubble: Bubble) -> None:
        click.echo(chat_line(bubble, names))

    played = Demo(running, worker, world, click.echo)
    click.echo("一、导入示例数据（虚构的代理商；企业微信和钉钉由本机沙盒模拟）")
    played.load()
    names = {persona.user_id: persona.name for persona in personas_of(running)}
    world.on_bubble.append(show)
    click.echo("二、早上的预警")
    played.warn()
    click.echo("三、从预警到入库")
    played.play()
    world.on_bubble.remove(show)
    click.echo("四、单据、图表和表格")
    written = [*played.write_papers(), *sorted((running.house.files / "digests").rglob("*.*"))]
    for path in written:
        click.echo(f"  {path}")
    counts = played.counts()
    click.echo("done: " + " ".join(f"{name}={number}" for name, number in counts.items()))


def _say_where(running: Running) -> None:
    base = running.house.public_url
    click.echo(f"沙盒（手机们）：{base}/sandbox/\n看板：{base}/desk/\n按 Ctrl-C 结束。")


def _demo_settings(context: Context, port: int) -> Settings:
    environ = {**os.environ, **sandbox_environment(f"http://{LOOPBACK}:{port}", ["临江区", "望山区"])}
    environ |= {
        f"{PREFIX}SERVER__PORT": str(port),
        f"{PREFIX}FILES": str(FOLDER),
        f"{PREFIX}DATABASE__URL": f"sqlite:///{FOLDER}/demo.db",
    }
    for leftover in FOLDER.glob("demo.db*"):
        leftover.unlink()
    return load(context.path, environ)


def _settings(context: Context) -> Settings:
    plain = context.settings(offline=True)
    made = sandbox_environment(f"http://{LOOPBACK}:{plain.server.port}", ["临江区", "望山区"])
    if plain.groups:
        del made[f"{PREFIX}GROUPS"]
    return context.settings(offline=True, environ={**made, **os.environ})


def _world(running: Running) -> World:
    return make_world(running, session=requests.Session(), clock=running.clock)


def _application(running: Running, world: World) -> Any:
    return mounted(flask_app(running, sandbox=True), world)
