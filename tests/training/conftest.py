"""One bucket for all tests of training: the libraries of a process look where they looked first."""

from collections.abc import Iterator

import fsspec
import pytest

from tests.bucket import Bucket
from tests.loopback import serving


@pytest.fixture(scope="package")
def bucket() -> Iterator[Bucket]:
    """The bucket `gs://bucket`, of this process and of those it starts."""
    with serving(Bucket()) as made, pytest.MonkeyPatch.context() as variables:
        for name, value in made.environment().items():
            variables.setenv(name, value)
        fsspec.config.set_conf_env(fsspec.config.conf)
        yield made
