"""What the database tells and, to whoever has an API key and no database, a server."""

from dataclasses import dataclass
from pathlib import Path

from cyclopts import Parameter

from pulseops.cli.database import stop
from pulseops.cli.speak import USAGE, Speak
from pulseops.cli.trust import own_settings
from pulseops.eventstore.directory import DEFAULT


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Server:
    """Where to ask, in place of the database."""

    url: str | None = None
    """Ask this server instead of the database, in the log of its key; else PULSEOPS_URL, where no
    PULSEOPS_DATABASE_URL is set."""
    key_file: Path | None = None
    """A file with the API key for a server; else PULSEOPS_API_KEY."""

    def asked(self, log: str) -> Speak | None:
        """How the server is spoken to; None: it is the database that is meant."""
        if self.url is None and self.key_file is None:
            settings = own_settings()
            if log != DEFAULT or settings.url is None or settings.database_url is not None:
                return None
        elif log != DEFAULT:
            raise stop("A key is of one log: leave out --log.", USAGE)
        return Speak(url=self.url, key_file=self.key_file)


HERE = Server()
