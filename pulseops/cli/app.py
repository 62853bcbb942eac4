"""The command line: every command by name. What a command needs is imported when it is called."""

import asyncio
import os
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import App, Group, Parameter

from pulseops.kernel.errors import PulseOpsError
from pulseops.settings import Settings, SettingsError

USAGE = 2


def _shown(default: object) -> str | None:
    """What an option is without being given, where that says anything."""
    if default is None or default is False or default in ((), ""):
        return None
    return ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)


RUN, USE = Group.create_ordered("Run"), Group.create_ordered("Use")

app = App(
    name="pulseops",
    help="The incident system of record: every incident classified, assigned and escalated.",
    version=lambda: version("pulseops"),
    default_parameter=Parameter(show_default=_shown),
)
app["--help"].group = app["--version"].group = RUN
_USE = {
    "incident": ("incident.incidents", "Report, see and answer incidents."),
    "stream": ("incident.following", "Follow everything that happens."),
    "team": ("catalog", "See and say what teams there are."),
    "service": ("catalog", "See and say what services there are."),
    "diff": ("differing", "Tell what changed between two moments, and who did it."),
    "access": ("access", "See who may do what, and could."),
    "rules": ("ruling", "See what incidents are judged, routed and escalated by, and were."),
    "whoami": ("catalog", "Say who asks, and what it may do."),
    "classifier": ("classifier", "Look at how incidents are classified."),
    "report": ("report.reports", "Say how fast incidents are answered, by whom, and what is noise."),
    "key": ("keys", "Make, list and revoke API keys."),
    "analyst": ("analysts", "Make logins that read with SQL."),
    "users": ("users", "See, grant and revoke users."),
    "logs": ("logs", "Make and list logs: one a tenant."),
    "projections": ("projections", "Rebuild read models beside the live ones."),
    "subscriptions": ("subscriptions", "See and steer what follows a log."),
    "audit": ("audit.audit", "See what was signed of history, and whether history is still that."),
    "events": ("history.exporting", "Take history out and in, as a file."),
    "replay": ("history.replaying", "Fold history anew, and compare it with what everybody reads."),
}
for _name, (_where, _what) in _USE.items():
    app.command(f"pulseops.cli.{_where}:{_name}", name=_name, group=USE, help=_what)

Flag = Parameter(negative=())


@app.command(group=RUN)
def up(
    *,
    home: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    rules: Path | None = None,
    demo: Annotated[bool, Flag] = False,
) -> None:
    """Start everything: PostgreSQL, Redis, the API and the worker. Ctrl-C stops it; the data stay.

    PULSEOPS_DATABASE_URL and PULSEOPS_REDIS_URL use your own servers instead.

    Parameters
    ----------
    home
        Where data, logs and keys lie; else PULSEOPS_HOME, else ~/.pulseops.
    host
        The address to listen on; else PULSEOPS_HOST, else 127.0.0.1.
    port
        The port to listen on, 0 for any; else PULSEOPS_PORT, else 8000 or, when that is taken, a free one.
    rules
        A rules file; else PULSEOPS_RULES, else the default rulebook.
    demo
        Report real incidents at a human pace and show them move, escalations within a minute.
    """
    from pulseops.up.supervisor import Wish, run  # noqa: PLC0415  # start-up time

    wish = Wish(home=home, host=host, port=port, rules=rules, demo=demo)
    raise SystemExit(run(_settings(), wish, os.environ))


@app.command(group=RUN)
def api() -> None:
    """Serve HTTP, on PULSEOPS_DATABASE_URL and PULSEOPS_REDIS_URL. Run as many as you like."""
    from pulseops.app import serve  # noqa: PLC0415  # start-up time

    serve(_settings())


@app.command(group=RUN)
def worker() -> None:
    """Project, escalate and deliver, on the same database and Redis as the API. Run as many as you like."""
    from pulseops.worker import main  # noqa: PLC0415  # start-up time

    main(_settings())


@app.command(group=RUN)
def migrate() -> None:
    """Bring the database of PULSEOPS_MIGRATION_URL, else PULSEOPS_DATABASE_URL, to this version's schema."""
    from pulseops.cli.render import say  # noqa: PLC0415  # start-up time
    from pulseops.db import migrate  # noqa: PLC0415

    settings = _settings()
    try:
        url = settings.migrates_at
    except SettingsError as error:
        _refuse(str(error), USAGE)
    if url is None:
        _refuse("Set PULSEOPS_DATABASE_URL to the database to migrate.", USAGE)
    try:
        asyncio.run(
            migrate.migrate(
                url,
                allow_unsafe=settings.allow_unsafe_durability,
                tell=partial(say, stderr=True),
            )
        )
    except PulseOpsError as error:
        _refuse(str(error), 1)


@app.command(group=RUN)
def doctor(*, home: Path | None = None, json: Annotated[bool, Flag] = False) -> None:
    """Look for what keeps PulseOps from running, and say what to do. Exits with 1 when something does.

    Parameters
    ----------
    home
        The home to look at; else PULSEOPS_HOME, else ~/.pulseops.
    json
        Print the findings as JSON.
    """
    from pulseops.up.doctor import examine  # noqa: PLC0415  # start-up time

    raise SystemExit(examine(_settings(), home, json=json))


def _settings() -> Settings:
    try:
        return Settings.from_environment(os.environ)
    except SettingsError as error:
        _refuse(str(error), USAGE)


def _refuse(sentence: str, code: int) -> NoReturn:
    from pulseops.cli.render import say  # noqa: PLC0415  # start-up time

    say(sentence, stderr=True)
    raise SystemExit(code)
