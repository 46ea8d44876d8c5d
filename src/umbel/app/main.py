"""The command line. Each command is a file of ``commands``, read only when it is called or listed."""

from __future__ import annotations

import importlib
import sys
from typing import Annotated, Any

import typer
import typer.core

from umbel._version import __version__
from umbel.errors import ConfigError, UmbelError, near

__all__ = ["COMMANDS", "GROUPS", "Doors", "app", "run"]

COMMANDS = (
    "demo",
    "inspect",
    "split",
    "compare",
    "fit",
    "evaluate",
    "predict",
    "report",
    "diff",
    "methods",
    "data",
    "schema",
)
"""Every command: the module ``commands.<name>`` holds a function of its name."""

GROUPS = {"tracing": ("fit", "evaluate", "predict", "mastery", "graph", "recommend", "simulate")}
"""Families, each a group of commands: the module ``commands.<family>.<name>`` holds a function of its name,
and the docstring of ``commands.<family>`` says what the family is."""

INTERRUPTED = 130
"""Exit code of a run ended by Ctrl-C, as shells have it."""


class Doors(typer.core.TyperGroup):
    """A group of commands: loads one lazily, and tells a user's error in one message."""

    package = "umbel.app.commands"
    commands_in_order: tuple[str, ...] = (*COMMANDS, *GROUPS)

    def list_commands(self, ctx: Any) -> list[str]:
        """All commands, in the order a user meets them."""
        return list(self.commands_in_order)

    def get_command(self, ctx: Any, name: str) -> Any:
        """The command called ``name``; None (and so a usage error) where there is none."""
        if name not in self.commands_in_order:
            return None
        module = importlib.import_module(f"{self.package}.{name}")
        if name in GROUPS:
            return _family(name, module.__doc__ or "")
        door = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        door.command(name)(getattr(module, name))
        command = typer.main.get_command(door)
        command.name = name
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that was named, or a message with near names."""
        names = self.commands_in_order
        if args and not args[0].startswith("-") and args[0] not in names:
            raise ConfigError(
                "a command must be one that umbel has", found=args[0], remedy=near(args[0], names)
            )
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command. A broken rule ends with exit code 2 and one message on stderr, Ctrl-C with
        130; whatever was not foreseen keeps its traceback."""
        try:
            return super().invoke(ctx)
        except UmbelError as error:
            tell(error)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            print("stopped; nothing was left half-written", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None


def _family(name: str, told: str) -> Any:
    """The group of a family's commands."""
    form = type("Family", (Doors,), {"package": f"{Doors.package}.{name}", "commands_in_order": GROUPS[name]})
    door = typer.Typer(
        cls=form, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=told
    )
    door.callback()(lambda: None)
    found = typer.main.get_command(door)
    found.name = name
    return found


def tell(error: UmbelError) -> None:
    """Print a broken rule on stderr: the rule in bold red where that is a terminal."""
    from rich.console import Console
    from rich.text import Text

    rule, *rest = str(error).split("\n")
    text = Text(f"error: {rule}", style="bold red")
    for line in rest:
        text.append(f"\n{line}", style="default not bold")
    Console(stderr=True, soft_wrap=True, highlight=False).print(text)


app = typer.Typer(
    cls=Doors,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def umbel(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Should these tasks be learned together, and which of them gain?

    From one table with several columns to predict, labels missing, to scores with intervals, a verdict
    per task, a report and a saved model.
    """


def run() -> None:
    """The entry of the ``umbel`` command."""
    app()
