"""Whether the TPU's compiler is here, for the tests that need it."""

import pytest

from seqgpt_jax.planning import compiling

try:
    compiling.find_compiler()
    MISSING = ""
except compiling.NoCompilerError as error:
    MISSING = str(error)

needs_compiler = pytest.mark.skipif(bool(MISSING), reason=MISSING)
