"""What is reported everywhere in the suite: incidents as monitoring writes them, all a little different."""

import msgspec

from pulseops.incidents.commands import Create

_WORDS = ("Disk full on db-3", "Checkout answers 502", "Replica lags by minutes", "Login loops for everybody")
_SERVICES = ("checkout", "database", "auth", "search", "payments")

EVENTS = 3
"""What a report stores: CREATED, CLASSIFIED, ASSIGNED."""


def body(number: int) -> bytes:
    """The JSON of one report, of some 325 bytes."""
    service, title = _SERVICES[number % len(_SERVICES)], _WORDS[number % len(_WORDS)]
    return (
        f'{{"title":"{title} ({number})","description":"{"Seen from outside by the probe. " * 4}",'
        f'"source":"prometheus","service":"{service}","environment":"production",'
        f'"labels":{{"region":"eu-{number % 4}","probe":"p{number}"}}}}'
    ).encode()


COMMANDS = [msgspec.json.decode(body(number), type=Create) for number in range(200)]
