"""What `up` says in the terminal: steps with their time, the banner, and what happens later."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path

from rich.console import Console
from rich.text import Text

from pulseops.logs import harmless
from pulseops.up.address import Address
from pulseops.up.home import Home


class Voice:
    def __init__(self) -> None:
        self._began = time.monotonic()
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a terminal may not know the tick
        self.console = Console(file=sys.stdout, markup=False, emoji=False, highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, doing: str) -> Iterator[list[str]]:
        """One line when it is done, with the seconds it took. What is put into the list is said with it."""
        began, details = time.monotonic(), list[str]()
        with self.console.status(doing):
            yield details
        took = f"{time.monotonic() - began:6.2f} s"
        self._print(Text.assemble(("✓ ", "green"), (took, "dim"), "  ", doing, (_more(details), "dim")))

    @contextmanager
    def meanwhile(self, doing: str) -> Iterator[None]:
        """Seen on a terminal while it lasts."""
        with self.console.status(doing):
            yield

    def say(self, sentence: str) -> None:
        self._print(Text(harmless_lines(sentence)))

    def warn(self, sentence: str) -> None:
        self._print(Text.assemble(("! ", "bold yellow"), harmless_lines(sentence)))

    def fail(self, sentence: str) -> None:
        self._print(Text.assemble(("✗ ", "bold red"), harmless_lines(sentence)))

    def banner(self, home: Home, address: Address, *, key: str | None, storage: list[str]) -> None:
        took = f"ready after {time.monotonic() - self._began:.1f} s"
        rows: list[tuple[str, str, str]] = [
            ("API", address.url, "bold"),
            ("API docs", f"{address.url}/docs", ""),
            *((("Data", line, "") if not index else ("", line, "dim")) for index, line in enumerate(storage)),
            ("Logs", short(home.logs), ""),
        ]
        if key is not None:
            rows += [
                ("Admin key", key, "bold yellow"),
                ("", f"shown this once; kept in {short(home.admin_key)}", "dim"),
            ]
        elif home.admin_key.exists():
            rows += [("Admin key", f"in {short(home.admin_key)}", "")]
        else:
            rows += [
                (
                    "Admin key",
                    "made earlier, and not kept here; `pulseops key create NAME --role admin` makes another",
                    "",
                )
            ]
        rows += [("Stop", "Ctrl-C; the data stay", "")]
        self.console.print()
        self._print(
            Text.assemble(
                ("PulseOps ", "bold green"), (version("pulseops"), "bold green"), (f"  {took}", "dim")
            )
        )
        for name, value, style in rows:
            self._print(Text.assemble((f"  {name:<11}", "cyan"), (value, style)))
        self.console.print()

    def _print(self, text: Text) -> None:
        with suppress(OSError):  # a full disk must not end what runs
            self.console.print(text)


def short(path: Path) -> str:
    """With `~` for the user's own folder, as one would type it."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)


def harmless_lines(text: str) -> str:
    return "\n".join(map(harmless, text.splitlines()))


def _more(details: list[str]) -> str:
    return f"  {', '.join(details)}" if details else ""
