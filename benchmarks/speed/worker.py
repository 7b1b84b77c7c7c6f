"""Process of one part: pins its cores, calls one function, prints its result and its peak memory as a JSON line."""

import importlib
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the scripts beside this folder


def peak_gb(device: str) -> float:
    """Most memory that was in use, in GB: resident memory of the process, or that of the GPU."""
    if device == "gpu":
        found = []
        if "torch" in sys.modules and (cuda := sys.modules["torch"].cuda).is_initialized():
            found.append(cuda.max_memory_allocated())
        if "jax" in sys.modules:
            found += [(one.memory_stats() or {}).get("peak_bytes_in_use", 0) for one in sys.modules["jax"].devices()]
        return max(found, default=0) / 1e9
    # Not ru_maxrss, which begins with that of the process that started this one.
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e9
    raise RuntimeError("/proc/self/status has no VmHWM")


def main() -> None:
    """Runs what the arguments name."""
    module, function, arguments, cores, device = sys.argv[1:]
    os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    if device == "cpu" and module in ("torch_training", "decoding", "machine", "products"):
        import torch

        torch.set_num_threads(len(cores.split(",")))
    result = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    print(json.dumps({**result, "peak_gb": peak_gb(device)}), flush=True)


if __name__ == "__main__":
    main()
