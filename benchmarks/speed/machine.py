"""Machine of a measurement: processor, instruction sets, versions, commit, and the rate of large matrix products."""

import hashlib
import os
import platform
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

# What matrix products may use; the first word is the one that Linux writes.
_SETS = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16", "avx_vnni", "asimd", "bf16", "sve")
_PACKAGES = ("jax", "jaxlib", "flax", "torch", "transformers", "numpy")


def describe(threads: int) -> dict[str, Any]:
    """Processor, instruction sets, threads and versions."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    values = dict(reversed([tuple(map(str.strip, line.split(":", 1))) for line in lines if ":" in line]))
    flags = (values.get("flags") or values.get("Features") or "").split()
    return {
        "processor": values.get("model name") or platform.machine(),
        "instruction_sets": [name for name in _SETS if name in flags],
        "threads": threads,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _PACKAGES},
    }


def commit() -> str:
    """The commit that is measured; with `-dirty` and a hash of what differs from it, results of benchmarks left out."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("diff", "HEAD", "--", ":/", ":(exclude,top)benchmarks/results")
    dirty = f"-dirty.{hashlib.sha256(changed.encode()).hexdigest()[:6]}" if changed else ""
    return (git("rev-parse", "--short", "HEAD") or "unknown") + dirty


def gemm(library: str, dtype: str, device: str, size: int) -> dict[str, float]:
    """GFLOP/s of products of square matrices: the best of several runs, which no step can exceed."""
    seconds = {"torch": _torch_seconds, "jax": _jax_seconds}[library](dtype, device, size)
    return {"gflops": 2 * size**3 / seconds / 1e9}


def best_seconds(run: Callable[[], object], at_least: float = 1.0) -> float:
    """Seconds of the fastest of several calls, after one that warms up."""
    run()
    found: list[float] = []
    while sum(found) < at_least or len(found) < 5:
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return min(found)


def _torch_seconds(dtype: str, device: str, size: int) -> float:
    import torch

    one = torch.randn(size, size, dtype=getattr(torch, dtype), device="cuda" if device == "gpu" else "cpu")

    def run() -> None:
        one @ one
        if device == "gpu":
            torch.cuda.synchronize()

    return best_seconds(run)


def _jax_seconds(dtype: str, device: str, size: int) -> float:
    import jax
    import jax.numpy as jnp

    one = jax.random.normal(jax.random.key(0), (size, size), dtype)
    product = jax.jit(lambda x: jnp.dot(x, x, preferred_element_type=jnp.float32))
    return best_seconds(lambda: product(one).block_until_ready())
