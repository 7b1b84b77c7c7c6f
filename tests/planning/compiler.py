"""Whether the TPU's compiler is here, for the tests that need it."""

import pytest

from seqgpt_jax.planning.tpu_compiler import NoCompilerError, find_compiler

try:
    find_compiler()
    MISSING = ""
except NoCompilerError as error:
    MISSING = str(error)

needs_compiler = pytest.mark.skipif(bool(MISSING), reason=MISSING)
