"""The server of the tests of downloads."""

from collections.abc import Iterator

import pytest

from tests.data.raw.servers import Server
from tests.loopback import serving


@pytest.fixture
def server() -> Iterator[Server]:
    """A server without pages."""
    with serving(Server()) as made:
        yield made
