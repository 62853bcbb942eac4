"""Asks one API again and again for the same incident, and notes every answer."""

from uuid import UUID

import httpx

from tests.faults.history import Answer, History, Order
from tests.faults.load import told


class Reporter:
    def __init__(self, server: httpx.Client, history: History, key: str) -> None:
        self.server = server
        self._order = Order(
            kind="create", key=key, asked={"title": "Is anybody there?", "labels": {"order": key}}
        )
        history.orders.append(self._order)

    @property
    def incident(self) -> UUID:
        """The one that was acknowledged."""
        return self._order.told[0].id

    def ask(self) -> httpx.Response:
        headers = {"idempotency-key": self._order.key}
        response = self.server.post("/incident", json=self._order.asked, headers=headers)
        self._order.answers.extend(told(response, 1))
        return response

    def succeeds(self) -> bool:
        """An API that cannot be reached, or is killed while it is asked, has not succeeded."""
        try:
            return self.ask().status_code == 201
        except httpx.ConnectError:
            return False
        except httpx.TransportError:
            self._order.answers.append(Answer())
            return False
