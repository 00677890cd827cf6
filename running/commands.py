"""All commands: serving, setting up, data, business, checking."""

import sys

import click

from running import (
    commands_api,
    commands_backtest,
    commands_business,
    commands_check,
    commands_codes,
    commands_data,
    commands_rules,
    commands_serve,
    commands_warnings,
)
from running.command_kit import Context
from settings import ConfigError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--config", default="config.yaml", show_default=True, type=click.Path(), help="The settings file.")
@click.pass_context
def cli(context: click.Context, config: str) -> None:
    """酒回 Jiuhui: takes slow baijiu back from the channel through WeCom and DingTalk."""
    context.obj = Context(config)


for module in (
    commands_serve,
    commands_warnings,
    commands_data,
    commands_business,
    commands_api,
    commands_rules,
    commands_check,
    commands_codes,
    commands_backtest,
):
    for command in module.COMMANDS:
        cli.add_command(command)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0 only on success, 2 for a wrong configuration or a wrong call."""
    try:
        result = cli.main(args=arguments, standalone_mode=False)
    except ConfigError as problem:
        for line in problem.problems:
            click.echo(f"config: {line}", err=True)
        return 2
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except click.Abort:
        click.echo("stopped", err=True)
        return 130
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    sys.exit(main())
