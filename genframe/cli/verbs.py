"""A group of verbs that are found by name: the module of one is imported when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from genframe.errors import nearest


class Verbs(click.Group):
    """A group that knows its verbs from a table, so that `--help` imports none of them.

    `table` maps a verb to what the help says of it; `module` is where its `command` stands, with `{}` for the
    verb. Verbs added by the group's own decorator stand beside these. A verb that is not there is answered with
    the nearest that is.
    """

    def __init__(
        self, *arguments: Any, table: Mapping[str, str] | None = None, module: str = "", **attributes: Any
    ) -> None:
        super().__init__(*arguments, **attributes)
        self.table = dict(table or {})
        self.module = module

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.table, *(name for name in self.commands if name not in self.table)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.commands or cmd_name not in self.table:
            return super().get_command(ctx, cmd_name)
        command = getattr(import_module(self.module.format(cmd_name.replace("-", "_"))), "command", None)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            near = nearest(args[0], known)
            hint = f" Did you mean {near!r}?" if near else f" There are {', '.join(known)}."
            written = " ".join([*ctx.command_path.split()[1:], args[0]])
            ctx.fail(f"there is no verb {written!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self._short(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Verbs"):
            formatter.write_dl(rows)

    def _short(self, ctx: click.Context, name: str) -> str:
        if name in self.table:
            return self.table[name]
        command = self.get_command(ctx, name)
        return command.get_short_help_str(100) if command else ""
