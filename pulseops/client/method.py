"""Methods that are described once, and called in either colour.

A method of a `Room` describes a call. Taken from a room over a `Wire` it sends the call and returns the
result; over an `AsyncWire` it returns an awaitable of it. Parameters and result are the description's own,
for the type checker too.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import aclosing
from functools import partial, update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from pulseops.client.call import Answer, Call, understood
from pulseops.client.results import Page
from pulseops.client.wire import AsyncWire, Wire

P = ParamSpec("P")
T = TypeVar("T")
W = TypeVar("W", bound=Wire | AsyncWire)


class Room(Generic[W]):
    """A part of the API, over one kind of wire."""

    def __init__(self, wire: W) -> None:
        self.wire = wire


class Sends(Generic[P, T]):
    """Called, it returns the result; `answer` returns all that the server said besides."""

    def __init__(self, wire: Wire, describe: Callable[P, Call[T]]) -> None:
        self._wire, self._describe = wire, describe

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.answer(*args, **kwargs).value

    def answer(self, *args: P.args, **kwargs: P.kwargs) -> Answer[T]:
        return self._wire.send(self._describe(*args, **kwargs))

    def unless(self, known: Answer[T], /, *args: P.args, **kwargs: P.kwargs) -> Answer[T]:
        """The answer, or `known`, which was to the same question, where it is still the same."""
        found = self._wire.send(self._describe(*args, **kwargs).unless(known))
        return found.or_known(known)


class AsyncSends(Generic[P, T]):
    """As `Sends`, awaited."""

    def __init__(self, wire: AsyncWire, describe: Callable[P, Call[T]]) -> None:
        self._wire, self._describe = wire, describe

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return (await self.answer(*args, **kwargs)).value

    def answer(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, Answer[T]]:
        return self._wire.send(self._describe(*args, **kwargs))

    async def unless(self, known: Answer[T], /, *args: P.args, **kwargs: P.kwargs) -> Answer[T]:
        found = await self._wire.send(self._describe(*args, **kwargs).unless(known))
        return found.or_known(known)


class Turns(Generic[P, T]):
    """Called, it goes through the items of all pages; `pages` through the pages."""

    def __init__(self, wire: Wire, describe: Callable[P, Call[Page[T]]]) -> None:
        self._wire, self._describe = wire, describe

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        for page in self.pages(*args, **kwargs):
            yield from page.value.items

    def pages(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[Answer[Page[T]]]:
        return self._wire.pages(self._describe(*args, **kwargs))


class AsyncTurns(Generic[P, T]):
    """As `Turns`, awaited."""

    def __init__(self, wire: AsyncWire, describe: Callable[P, Call[Page[T]]]) -> None:
        self._wire, self._describe = wire, describe

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T, None]:
        async for page in self.pages(*args, **kwargs):
            for item in page.value.items:
                yield item

    def pages(self, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Answer[Page[T]], None]:
        return self._wire.pages(self._describe(*args, **kwargs))


class Follows(Generic[P, T]):
    """Called, it gives each event as it happens, without end; `raw` gives their JSON as it came."""

    def __init__(self, wire: Wire, describe: Callable[P, Call[T]]) -> None:
        self._wire, self._describe = wire, describe

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        call = self._describe(*args, **kwargs)
        for data in self._wire.follow(call):
            yield understood(call.read, data)

    def raw(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[bytes]:
        return self._wire.follow(self._describe(*args, **kwargs))


class AsyncFollows(Generic[P, T]):
    """As `Follows`, awaited."""

    def __init__(self, wire: AsyncWire, describe: Callable[P, Call[T]]) -> None:
        self._wire, self._describe = wire, describe

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T, None]:
        call = self._describe(*args, **kwargs)
        async with aclosing(self._wire.follow(call)) as events:
            async for data in events:
                yield understood(call.read, data)

    def raw(self, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[bytes, None]:
        return self._wire.follow(self._describe(*args, **kwargs))


class method(Generic[P, T]):  # noqa: N801 -- used as `property` is
    """A description becomes a method that sends."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self.describe, self.__doc__ = describe, describe.__doc__

    @overload
    def __get__(self, room: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, room: Room[Wire], owner: Any) -> Sends[P, T]: ...
    @overload
    def __get__(self, room: Room[AsyncWire], owner: Any) -> AsyncSends[P, T]: ...
    def __get__(self, room: Room[Any] | None, owner: Any) -> Any:
        return self if room is None else _taken(room, self.describe, Sends, AsyncSends)


class paged(Generic[P, T]):  # noqa: N801
    """The method that gives a page becomes one that goes through all of them."""

    def __init__(self, listing: method[P, Page[T]]) -> None:
        self.describe, self.__doc__ = listing.describe, listing.__doc__

    @overload
    def __get__(self, room: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, room: Room[Wire], owner: Any) -> Turns[P, T]: ...
    @overload
    def __get__(self, room: Room[AsyncWire], owner: Any) -> AsyncTurns[P, T]: ...
    def __get__(self, room: Room[Any] | None, owner: Any) -> Any:
        return self if room is None else _taken(room, self.describe, Turns, AsyncTurns)


class streamed(Generic[P, T]):  # noqa: N801
    """A description becomes a method that follows."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self.describe, self.__doc__ = describe, describe.__doc__

    @overload
    def __get__(self, room: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, room: Room[Wire], owner: Any) -> Follows[P, T]: ...
    @overload
    def __get__(self, room: Room[AsyncWire], owner: Any) -> AsyncFollows[P, T]: ...
    def __get__(self, room: Room[Any] | None, owner: Any) -> Any:
        return self if room is None else _taken(room, self.describe, Follows, AsyncFollows)


def _taken(
    room: Room[Any], describe: Callable[..., Any], blocking: Callable[..., Any], awaited: Callable[..., Any]
) -> Any:
    found = (blocking if isinstance(room.wire, Wire) else awaited)(room.wire, partial(describe, room))
    return update_wrapper(found, describe)  # for help()
