"""`tlbench cache`."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from tlbench.cli.options import Cache, Json
from tlbench.files import size_in_words

cache_app = typer.Typer(help="Look after the cache.", no_args_is_help=True, rich_markup_mode=None)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@cache_app.command("ls")
def list_cache(json: Json = False, cache: Cache = None) -> None:
    """List what is cached, the part used last first."""
    from datetime import UTC, datetime

    from tlbench.cli.output import print_json, print_line, print_table
    from tlbench.environment import cache_folder
    from tlbench.features.spaces import list_spaces

    folder = cache or cache_folder()
    facts: list[dict[str, Any]] = [
        {
            "kind": space.kind,
            "title": space.title,
            "size": space.size,
            "used": datetime.fromtimestamp(space.used, UTC).isoformat(timespec="seconds"),
            "folder": str(space.folder),
            "about": dict(space.about),
        }
        for space in list_spaces(folder)
    ]
    if json:
        print_json(facts)
        return
    columns = ("kind", "what", "size", "last used (UTC)")
    rows = [(f["kind"], f["title"], size_in_words(f["size"]), f["used"][:16]) for f in facts]
    print_table(columns, rows)
    print_line(f'{size_in_words(sum(f["size"] for f in facts))} in "{folder}"')


@cache_app.command("verify")
def verify_cache(cache: Cache = None) -> None:
    """Read every cached row; damaged shards are removed, and made anew by the next run."""
    from tlbench.cli.output import ConsoleProgress, print_text
    from tlbench.environment import cache_folder
    from tlbench.features.spaces import list_spaces, verify_space
    from tlbench.words import counted

    warn = ConsoleProgress().warn
    checked = [verify_space(space, warn) for space in list_spaces(cache or cache_folder())]
    shards, damaged = (
        (sum(numbers) for numbers in zip(*checked, strict=True)) if checked else (0, 0)
    )
    print_text(f"{counted(shards, 'shard')}, {damaged:,} of them damaged and removed\n")


@cache_app.command("gc")
def collect(
    max_size: Annotated[
        str, typer.Option(help="What may stay, such as 10G or 500M.", metavar="SIZE")
    ],
    cache: Cache = None,
) -> None:
    """Remove what was used least recently, until the cache is not larger than SIZE."""
    from tlbench.cli.output import print_text
    from tlbench.environment import cache_folder
    from tlbench.features.spaces import collect_garbage

    removed, left = collect_garbage(cache or cache_folder(), parse_size(max_size))
    print_text(f"removed {size_in_words(removed)}, {size_in_words(left)} left\n")


def parse_size(text: str) -> int:
    """Return the bytes that "10G", "1.5 GB" or "500M" stand for; K, M, G, T are powers of 1000."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip().upper())
    if found is None:
        raise typer.BadParameter(f'"{text}" is no size: give one such as 10G or 500M')
    return int(float(found.group(1)) * _UNITS[found.group(2)])
