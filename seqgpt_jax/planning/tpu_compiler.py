"""TPU compilation without a TPU: programs compiled for a slice, with their memory and text.

`libtpu` holds the TPU compiler and runs on any Linux machine. Nothing is allocated: arguments are shapes.
"""

import contextlib
import importlib.util
import math
import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgpt_jax.planning.slices import Slice

LIBTPU = "libtpu==0.0.42.*"
"""The compiler that jax[tpu] 0.10 asks for."""


class NoCompilerError(ImportError):
    """The TPU compiler is not installed."""


def find_compiler() -> Path:
    """The TPU compiler's library: the package `libtpu`, TPU_LIBRARY_PATH, or the folder `libtpu` of this environment.

    Raises:
      NoCompilerError: it is in none of these places; the message says how to get it.
    """
    if named := os.environ.get("TPU_LIBRARY_PATH"):
        if Path(named).is_file():
            return Path(named)
        raise NoCompilerError(f"TPU_LIBRARY_PATH={named} is no file: set it to a libtpu.so, or unset it")
    apart = Path(sys.prefix) / "libtpu"
    package = importlib.util.find_spec("libtpu")
    folder = Path(package.origin).parent if package and package.origin else apart / "libtpu"
    library = folder / "libtpu.so"
    if not library.is_file():
        raise NoCompilerError(
            "the TPU compiler is not installed (684 MB). Either  pip install 'seqgpt_jax[plan]', or, so that other "
            f"programs on a machine without TPU do not load it:  pip install --target={apart} '{LIBTPU}'"
        )
    return library


def use_compiler() -> None:
    """Makes JAX run on the CPU and find the TPU compiler. To be called before anything imports JAX, which reads these.

    Raises:
      NoCompilerError: it is not installed.
    """
    os.environ["TPU_LIBRARY_PATH"] = str(find_compiler())
    os.environ["JAX_PLATFORMS"] = "cpu"
    # It would ask a cloud machine's metadata server which TPU it has.
    os.environ["TPU_SKIP_MDS_QUERY"] = "1"
    # One process may hold a TPU, and the library locks others out; any number may compile.
    os.environ["ALLOW_MULTIPLE_LIBTPU_LOAD"] = "1"
    # A program that was compiled without its chips cannot be read back from JAX's cache.
    os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"


@contextlib.contextmanager
def quiet_compiler() -> Iterator[None]:
    """Hides what libtpu's C++ code writes to stderr while it looks for a machine; what Python raises is unaffected."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def slice_devices(slice_: Slice) -> list[Any]:
    """The chips of a slice, as devices to compile for.

    Raises:
      ValueError: the compiler knows no such slice.
    """
    import jax
    from jax.experimental import topologies

    try:
        with quiet_compiler():
            described = topologies.get_topology_desc(
                platform="tpu",
                topology_name=slice_.name,
                chips_per_host_bounds=slice_.host,
                **dict(slice_.chip.options),
            )
    except jax.errors.JaxRuntimeError as error:
        hosts = "x".join(map(str, slice_.host))
        raise ValueError(
            f"--topology={slice_.name}: slices are made of hosts of {hosts} chips, so take multiples of these ({error})"
        ) from None
    if len(described.devices) != slice_.chips:
        raise ValueError(
            f"--topology={slice_.name} should have {slice_.chips} chips; the compiler lists {len(described.devices)}"
        )
    return described.devices


@dataclass(frozen=True)
class Compiled:
    """What the compiler says of one program, for each chip.

    Attributes:
      fits: it compiled, which it does only where everything lies in the chip's memory.
      seconds: that lowering and compilation took.
      bytes: by kind: arguments by name, then "temporaries", "outputs" (without those that take a donated argument's
        place), "code". Where it does not fit, what the compiler told.
      peak: most bytes that lie there at the same time; None where it does not fit. Less than all kinds added up, as
        temporaries take each other's place.
      problem: the compiler's message where it does not fit.
      text: the optimised program.
    """

    fits: bool
    seconds: float
    bytes: dict[str, float]
    peak: float | None = None
    problem: str = ""
    text: str = ""


def compile_program(jitted: Any, arguments: tuple[Any, ...], named: dict[str, Any], **static: Any) -> Compiled:
    """Lowers and compiles a jitted function of abstract arguments that carry shardings.

    Args:
      jitted: what `jax.jit` gave.
      arguments: trees of `jax.ShapeDtypeStruct`.
      named: the same arguments by kind, for the list of sizes.
      static: arguments by name that are no arrays.
    """
    import jax

    sizes = {name: shard_bytes(tree) for name, tree in named.items()}
    start = time.perf_counter()
    try:
        with quiet_compiler():
            compiled = jitted.lower(*arguments, **static).compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        seconds = time.perf_counter() - start
        return Compiled(False, seconds, sizes | sizes_in_message(str(error)), problem=str(error).strip())
    memory = compiled.memory_analysis()
    sizes["padding of arguments"] = memory.argument_size_in_bytes - sum(sizes.values())
    sizes["temporaries"] = memory.temp_size_in_bytes
    sizes["outputs"] = memory.output_size_in_bytes - memory.alias_size_in_bytes
    sizes["code"] = memory.generated_code_size_in_bytes
    return Compiled(True, time.perf_counter() - start, sizes, peak=memory.peak_memory_in_bytes, text=compiled.as_text())


def shard_bytes(tree: Any) -> float:
    """Bytes of a tree of abstract arrays on one chip."""
    import jax

    return float(
        sum(math.prod(x.sharding.shard_shape(x.shape)) * x.dtype.itemsize for x in jax.tree_util.tree_leaves(tree))
    )


def sizes_in_message(message: str) -> dict[str, float]:
    """Sizes in the compiler's message about a program that does not fit.

    >>> sizes_in_message("memory required for HLO temporaries (17.5G) exceeds available HBM (15.75G).")
    {'needed': 18790481920.0, 'available': 16911433728.0}
    >>> sizes_in_message("Ran out of memory in memory space hbm. Used 20.50G of 15.75G hbm. Exceeded …")
    {'needed': 22011707392.0, 'available': 16911433728.0}
    """
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
    size = r"([\d.]+)([KMGT])"
    sizes = {}
    for name, before, after in (
        # The compiler calls them temporaries, but arguments are among them.
        ("needed", r"(?:temporaries \(|Used )", r"(?:\)| of)"),
        ("available", r"(?:available HBM \(|of )", r"(?:\)| hbm)"),
    ):
        if match := re.search(before + size + after, message):
            sizes[name] = float(match[1]) * units[match[2]]
    return sizes
