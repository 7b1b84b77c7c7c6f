"""The compilation cache: where it is, what stays as it is set, and that a second process takes programs from it."""

import os
import subprocess
import sys

import pytest

from seqgpt_jax.console.compile_cache import use_compile_cache

SCRIPT = """
from seqgpt_jax import command_line

def main() -> int:
    import jax
    import jax.numpy as jnp
    jax.config.update("jax_log_compiles", True)
    jax.jit(lambda x: jnp.linalg.qr(x @ x)[0])(jnp.ones((8, 8))).block_until_ready()
    return 0

command_line.run(main)
"""


def run(home, **variables: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JAX_COMP")}
    kept |= {"XDG_CACHE_HOME": str(home), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", **variables}
    kept |= {"JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=kept, capture_output=True, text=True, check=True)
    return done.stderr


def test_a_second_process_does_not_compile(tmp_path) -> None:
    assert "Persistent compilation cache hit" not in run(tmp_path)
    folders = list((tmp_path / "seqgpt_jax" / "compiled").iterdir())
    assert len(folders) == 1
    assert folders[0].stat().st_mode & 0o077 == 0
    kept = {path.name for path in folders[0].glob("*-cache")}
    assert kept
    assert "Persistent compilation cache hit" in run(tmp_path)
    assert {path.name for path in folders[0].glob("*-cache")} == kept
    assert "Persistent compilation cache hit" not in run(tmp_path, JAX_ENABLE_COMPILATION_CACHE="false")


def test_what_is_set_stays_and_a_missing_home_is_no_error(tmp_path) -> None:
    named = {"JAX_COMPILATION_CACHE_DIR": "gs://b/cache"}
    use_compile_cache(named)
    assert named == {"JAX_COMPILATION_CACHE_DIR": "gs://b/cache"}
    (tmp_path / "file").touch()
    without = {"XDG_CACHE_HOME": str(tmp_path / "file")}
    use_compile_cache(without)
    assert without == {"XDG_CACHE_HOME": str(tmp_path / "file")}
    off = {"XDG_CACHE_HOME": str(tmp_path), "JAX_ENABLE_COMPILATION_CACHE": "false"}
    use_compile_cache(off)
    together = {"XDG_CACHE_HOME": str(tmp_path)}
    use_compile_cache(together, ["train", "--multihost"])
    assert together == {"XDG_CACHE_HOME": str(tmp_path)}
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_the_folder_is_in_the_cache_of_the_user(tmp_path, variable) -> None:
    variables = {variable: str(tmp_path)}
    use_compile_cache(variables)
    home = tmp_path / ".cache" if variable == "HOME" else tmp_path
    assert variables["JAX_COMPILATION_CACHE_DIR"].startswith(f"{home}/seqgpt_jax/compiled/")
