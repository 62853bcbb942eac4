"""An issuer of the test's own, and an API that believes it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.issuer import Issuer, issuing, sign_in_file
from tests.serving import Api, serving


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing() as running:
        yield running


@pytest.fixture
async def api(database: Database, issuer: Issuer, tmp_path: Path) -> AsyncIterator[Api]:
    async with serving(database.app_url, oidc=sign_in_file(tmp_path, issuer.url)) as client:
        yield client
