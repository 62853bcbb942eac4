"""A stand-in for `up` that can be killed: starts both servers in a home, says so, and waits for ever."""

import asyncio
import signal
import sys
from pathlib import Path

from pulseops.up.home import Home
from pulseops.up.postgres import EmbeddedPostgres
from pulseops.up.redis import EmbeddedRedis


def main(path: str) -> None:
    home = Home(Path(path))
    postgres, redis = EmbeddedPostgres(home), EmbeddedRedis.find(home)
    postgres.start()
    asyncio.run(postgres.prepare())
    if redis is not None:
        redis.start()
    sys.stdout.write(f"{postgres.pid} {redis.pid if redis else 0}\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main(sys.argv[1])
