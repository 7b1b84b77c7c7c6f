"""The TPU's compiler in a test."""

import pytest

from seqgpt_jax.planning.tpu_compiler import use_compiler


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler is found, and what that sets is undone afterwards."""
    for name in (
        "TPU_LIBRARY_PATH",
        "TPU_SKIP_MDS_QUERY",
        "ALLOW_MULTIPLE_LIBTPU_LOAD",
        "JAX_ENABLE_COMPILATION_CACHE",
        "JAX_PLATFORMS",
    ):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    use_compiler()
