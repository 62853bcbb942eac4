"""Server-sent events, as text. A block with an id and no data moves only the place to resume from."""

from pulseops.incidents.entries import EventEntry, line

MEDIA = b"text/event-stream"
PING = b": still here\n\n"


def event(entry: EventEntry) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (entry.position, entry.type.encode(), line(entry))


def place(position: int) -> bytes:
    """Everything up to here is passed."""
    return b"id: %d\n\n" % position


def beginning(position: int, *, retry: int) -> bytes:
    """Where it begins, and how many milliseconds to stay away after its end."""
    return b"retry: %d\nid: %d\n\n" % (retry, position)


def end(why: str, position: int) -> bytes:
    """The last words: nobody but a person reads the comment, the id counts."""
    return b": %b\nid: %d\n\n" % (why.encode(), position)
