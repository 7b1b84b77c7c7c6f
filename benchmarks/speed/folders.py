"""Question: how long do `import_hf` and `export` of a folder take, against loading and saving with `transformers`?

python benchmarks/speed/folders.py --smoke
"""

import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from interleaved import Part, Question, Results, Row
from settings import Settings, medians

_SAVE = """if True:
    import sys, torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=getattr(torch, sys.argv[3]))
    model.save_pretrained(sys.argv[2])
    AutoTokenizer.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[2])"""


def copied(command: str, folder: str, output: str, dtype: str) -> dict[str, float]:
    """Seconds and peak memory of a process that reads the model in `folder` and writes it to `output`."""
    shutil.rmtree(output, ignore_errors=True)
    words = {
        "import_hf": ["-m", "seqgpt_jax.import_hf", f"--source={folder}", f"--output={output}"],
        "export": ["-m", "seqgpt_jax.export", f"--model={folder}", f"--output={output}", f"--dtype={dtype}"],
        "transformers": ["-c", _SAVE, folder, output, dtype],
    }[command]
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _resident(process.pid))
        time.sleep(0.01)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"{words} ended with {process.returncode}")
    size = sum(path.stat().st_size for path in Path(output).rglob("*.safetensors"))
    shutil.rmtree(output)
    return {"seconds": seconds, "memory_gb": peak / 1e9, "written_gb": size / 1e9}


def _resident(pid: int) -> int:
    """Most bytes that the process has had resident so far; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def questions(settings: Settings) -> list[Question]:
    """Import with the weights as they are, and export to bfloat16."""
    found = []
    if settings.device == "gpu":
        return found  # the GPU takes no part in it
    for shape in settings.shapes("smollm2_135m", "bloom_560m"):
        for command, dtype in (("import_hf", "float32"), ("export", "bfloat16")):
            common = {"folder": settings.model(shape), "output": settings.beside(shape, "copy"), "dtype": dtype}
            sides = {
                "ours": Part("folders", "copied", common | {"command": command}),
                "transformers": Part("folders", "copied", common | {"command": "transformers"}),
            }
            name = f"{command}, {shape} to {dtype}"
            rows = partial(_rows, name)
            found.append(Question(name, "folders", settings.model_parts(shape), sides, settings.times(shape), rows))
    return found


def _rows(name: str, sides: Results, setup: list) -> list[Row]:
    ours, theirs = (medians(sides[side], "seconds") for side in ("ours", "transformers"))
    memory, peer_memory = (medians(sides[side], "memory_gb") for side in ("ours", "transformers"))
    written, other = (sides[side][0]["written_gb"] for side in ("ours", "transformers"))
    note = f"writes {written:.2f} GB of weights, the peer {other:.2f} GB"
    title, spreads = f"{name}: transformers", (ours[1], theirs[1])
    row = Row(f"{name}: peak memory, transformers", memory[0], peer_memory[0], memory[0] / peer_memory[0], None, "GB")
    return [Row(title, ours[0], theirs[0], theirs[0] / ours[0], None, "s", spreads, note), row]


if __name__ == "__main__":
    from all import main

    main(only="folders")
