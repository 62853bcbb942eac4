"""`pulseops up`: everything on one machine, started in order, kept alive, and stopped in order."""

import asyncio
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import msgspec

from pulseops.audit import keyfile
from pulseops.audit.keyfile import KeyUnusable
from pulseops.audit.shelf import PlaceInvalid
from pulseops.publishing.places import shelf_of
from pulseops.rulebook.loader import load_rulebook
from pulseops.rulebook.problems import RulebookInvalid
from pulseops.rulebook.signing_in import load_sign_in
from pulseops.settings import PREFIX, Settings, masked
from pulseops.up.address import USUAL, choose, health
from pulseops.up.attention import Attention, Stopped
from pulseops.up.ground import Ground, lay_ground
from pulseops.up.home import Api, Home
from pulseops.up.parts import Part, Program, Watch, stop_all
from pulseops.up.ports import tail
from pulseops.up.postgres import EmbeddedPostgres
from pulseops.up.processes import CannotStart
from pulseops.up.redis import EmbeddedRedis
from pulseops.up.voice import Voice, short

GLANCE = 0.25  # seconds between two looks at the parts
PATIENCE = 60.0  # seconds until the API must answer
SETTLING = 10.0  # seconds in which the worker should have begun its rounds


class Wish(NamedTuple):
    """What was asked for on the command line; None: as set in the environment."""

    home: Path | None
    host: str | None
    port: int | None
    rules: Path | None
    demo: bool


def run(settings: Settings, wish: Wish, environ: Mapping[str, str]) -> int:
    """Until a signal. The exit code: 0 stopped as asked, 1 could not start."""
    attention, voice = Attention(), Voice()
    attention.listen()
    try:
        home = Home(wish.home or settings.home)
        with home.held():
            up = Supervisor(settings, wish, environ, home=home, attention=attention, voice=voice)
            try:
                up.start()
                up.keep()
            finally:
                with voice.meanwhile("Stopping; Ctrl-C again to hurry"):
                    up.stop()
    except Stopped:
        voice.say("Stopped. The data stay.")
    except CannotStart as error:
        voice.fail(str(error))
        return 1
    except OSError as error:
        # What ends in an OSError here is a file or a folder: of the network others tell.
        where = error.filename or wish.home or settings.home
        voice.fail(f"{where}: {error.strerror or error}. Choose another --home, or ask `pulseops doctor`.")
        return 1
    return 0


class Supervisor:
    def __init__(
        self,
        settings: Settings,
        wish: Wish,
        environ: Mapping[str, str],
        *,
        home: Home,
        attention: Attention,
        voice: Voice,
    ) -> None:
        self._settings, self._wish, self._environ = settings, wish, environ
        self._home, self._attention, self._voice = home, attention, voice
        self._rules, self._oidc = _rules(settings, wish), _oidc(settings)
        self._audit_key = _audit_key(settings, home)
        _published(settings)
        self._address = choose(
            wish.host or settings.host,
            settings.port if wish.port is None else wish.port,
            insist=wish.port is not None or settings.port != USUAL,
        )
        self._parts: list[Part] = []
        self._postgres: EmbeddedPostgres | None = None
        self._redis: EmbeddedRedis | None = None
        self._programs: list[Program] = []
        self._quitting = threading.Event()

    def start(self) -> None:
        """Servers, schema, programs, banner."""
        self._start_servers()
        with self._voice.step("Schema and keys"):
            laying = lay_ground(self._settings, self._home, self._postgres)
            ground = asyncio.run(self._attention.heeding(laying))
        environment = self._environment()
        for name in ("worker", "api"):
            program = Program(name, self._home, environment, rest=self._attention.rest)
            self._programs.append(program)
            self._parts.append(program)
            program.start()
        with self._voice.step("API and worker"):
            reasons = self._await_health()
        self._home.announce(Api(url=self._address.url, pid=os.getpid()))
        self._welcome(ground, reasons)
        if self._wish.demo:
            self._start_demo()

    def keep(self) -> None:
        """Look after the parts for ever, which ends by raising Stopped."""
        watches = [Watch(part, now=time.monotonic()) for part in self._parts]
        while True:
            for watch in watches:
                if said := watch.look(time.monotonic()):
                    self._voice.warn(said)
                    self._follow_servers(watches)
            self._attention.rest(GLANCE)

    def stop(self) -> None:
        """In the reverse order: who asks before who answers."""
        self._quitting.set()
        with suppress(OSError):  # the lock says it as well
            self._home.withdraw()
        stop_all(self._parts[::-1])

    def _start_servers(self) -> None:
        rest = self._attention.rest
        if self._settings.database_url is None:
            self._postgres = EmbeddedPostgres(self._home, rest=rest)
            self._parts.append(self._postgres)
            first = "" if self._postgres.cluster.exists() else ", making its cluster"
            with self._voice.step(f"PostgreSQL{first}") as details:
                self._postgres.start()
                details.append(f"127.0.0.1:{self._postgres.port}")
        if self._settings.redis_url is None:
            self._redis = EmbeddedRedis.find(self._home, rest=rest)
            if self._redis is None:
                self._voice.warn(
                    "No Redis server for this platform: PulseOps works by polling, a little slower."
                )
                return
            self._parts.append(self._redis)
            with self._voice.step("Redis") as details:
                self._redis.start()
                details.append(f"127.0.0.1:{self._redis.port}")

    def _environment(self) -> dict[str, str]:
        """What the API and the worker are told. They get no key and no superuser's password."""
        database = self._postgres.url() if self._postgres else self._settings.database_url
        redis = self._redis.url if self._redis else self._settings.redis_url
        told = msgspec.structs.replace(
            self._settings,
            database_url=database,
            redis_url=redis,
            home=self._home.path,
            rules=self._rules,
            oidc=self._oidc,
            audit_key=self._audit_key,
            host=self._address.host,
            port=self._address.port,
            migration_url=None,
            api_key=None,
            url=None,
        )
        ours = {
            f"{PREFIX}{name.upper()}": str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in msgspec.structs.asdict(told).items()
            if value is not None
        }
        return {name: value for name, value in self._environ.items() if not name.startswith(PREFIX)} | ours

    def _follow_servers(self, watches: list[Watch]) -> None:
        """A server that came back at another port takes its programs along."""
        environment = self._environment()
        for watch in watches:
            if isinstance(watch.part, Program) and watch.part.environment != environment:
                watch.part.environment = environment
                watch.renew(time.monotonic())

    def _await_health(self) -> tuple[str, ...]:
        """What is not yet as it should be when it is time to say so."""
        began = time.monotonic()
        while True:
            for program in self._programs:
                if program.name == "api" and program.ended() is not None:
                    raise CannotStart(
                        f"The API did not start. The end of {program.log}:\n{tail(program.log)}"
                    )
            found, waited = health(self._address), time.monotonic() - began
            if found is not None and (found.status == "ok" or waited > SETTLING):
                return found.reasons
            if waited > PATIENCE:
                raise CannotStart(f"The API does not answer at {self._address.url}. See {self._home.logs}.")
            self._attention.rest(0.05)

    def _welcome(self, ground: Ground, reasons: tuple[str, ...]) -> None:
        own = masked(self._settings.database_url or "")
        where = short(self._home.path) if self._postgres else own
        storage = [f"{where}  (PostgreSQL {ground.postgres_version})"]
        if self._postgres and not self._home.data.is_relative_to(self._home.path):
            storage.append(f"in {self._home.data}, which {self._home.account.name} can reach")
        self._voice.banner(self._home, self._address, key=ground.new_admin_key, storage=storage)
        asked = self._settings.port if self._wish.port is None else self._wish.port
        if asked not in {0, self._address.port}:
            self._voice.warn(
                f"Port {asked} is taken by another program, so the API listens on {self._address.port}."
            )
        if self._address.open_to_others:
            self._voice.warn("Other machines can reach this API, without TLS: put a proxy in front of it.")
        for reason in reasons:
            self._voice.warn(reason)

    def _start_demo(self) -> None:
        from pulseops.up.demo import show  # noqa: PLC0415  # httpx is slow to import, and few need it

        # Of an embedded database the home has the key; the one that is set may be another server's.
        key = None if self._postgres else self._settings.api_key
        if key is None and self._home.admin_key.exists():
            key = self._home.admin_key.read_text().strip()
        if key is None:
            self._voice.warn("The demo needs a key: set PULSEOPS_API_KEY.")
            return
        arguments = (self._address.url, key, self._voice.console, self._quitting)
        threading.Thread(target=show, args=arguments, daemon=True).start()


def _oidc(settings: Settings) -> Path | None:
    if settings.oidc is None:
        return None
    try:
        load_sign_in(settings.oidc)
    except RulebookInvalid as error:
        raise CannotStart(str(error)) from error
    return settings.oidc.absolute()


def _audit_key(settings: Settings, home: Home) -> Path:
    """The one that is named, or the home's own, which the first start makes."""
    path = settings.audit_key or home.audit_key
    try:
        if settings.audit_key is None:
            keyfile.make(path)
        else:
            keyfile.read(path)
    except (KeyUnusable, OSError) as error:
        raise CannotStart(str(error)) from error
    return path.absolute()


def _published(settings: Settings) -> None:
    try:
        if settings.audit_publish is not None:
            shelf_of(settings.audit_publish)
    except PlaceInvalid as error:
        raise CannotStart(str(error)) from error


def _rules(settings: Settings, wish: Wish) -> Path | None:
    chosen = wish.rules or settings.rules
    if chosen is not None:
        try:
            load_rulebook(chosen)
        except (RulebookInvalid, OSError) as error:
            raise CannotStart(str(error)) from error
        return chosen.absolute()
    return Path(str(files("pulseops.rulebook") / "demo.yaml")) if wish.demo else None
