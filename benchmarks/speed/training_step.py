"""Question: how long does one training step on an identical padded batch take, and how much memory?

python benchmarks/speed/training_step.py --smoke
"""

from functools import partial

from interleaved import Part, Question, Results, Row
from settings import Settings, check_equal, medians

FORMS = {"HF full logits": "full", "HF gathered by hand": "gathered"}
GOALS = {"HF full logits": 1.5, "HF gathered by hand": 1.2}


def questions(settings: Settings) -> list[Question]:
    """One for each shape and dtype."""
    found = []
    for shape in settings.shapes("bloom_mini", "smollm2_135m", "bloom_560m"):
        for dtype in settings.dtypes:
            found.append(_question(settings, shape, dtype))
    return found


def _question(settings: Settings, shape: str, dtype: str) -> Question:
    rows, length = (2, 48) if settings.smoke else (2, 256) if settings.device == "cpu" else (16, 1024)
    number = 1 if shape in ("bloom_560m", "qwen3_0_6b") and settings.device == "cpu" else 4
    model = settings.model(shape)
    batch = {"folder": model, "dtype": dtype, "rows": rows, "length": length, "number": number}
    sides = {"ours": Part("jax_training", "steps", batch | {"remat": "none"})}
    of_check = {"folder": model, "kind": "padded", "rows": rows, "length": length}
    checks = [Part("jax_training", "check", of_check)]
    for name, form in FORMS.items():
        sides[name] = Part("torch_training", "steps", batch | {"form": form, "device": settings.device})
        checks.append(Part("torch_training", "check", of_check | {"form": form}))
    size = 256 if settings.smoke else 2048 if settings.device == "cpu" else 8192
    for library in ("torch", "jax"):
        of_peak = {"library": library, "dtype": dtype, "device": settings.device, "size": size}
        sides[f"products, {library}"] = Part("machine", "gemm", of_peak)
    name = f"training step, {shape} {dtype}, {rows} x {length}"
    setup = [*settings.model_parts(shape), *checks]
    return Question(name, "training_step", setup, sides, settings.times(shape), partial(_rows, name))


def _rows(name: str, sides: Results, setup: list) -> list[Row]:
    notes = [check_equal(name, setup[-3], other) for other in setup[-2:]]
    ours, ours_spread = medians(sides["ours"], "seconds")
    memory, memory_spread = medians(sides["ours"], "peak_gb")
    peak = max(result["gflops"] for library in ("torch", "jax") for result in sides[f"products, {library}"]) * 1e9
    flops = sides["ours"][0]["flops"]
    found = []
    for (peer, goal), note in zip(GOALS.items(), notes, strict=True):
        theirs, spread = medians(sides[peer], "seconds")
        found.append(Row(f"{name}: {peer}", ours, theirs, theirs / ours, goal, "s", (ours_spread, spread), note))
    theirs, spread = medians(sides["HF full logits"], "peak_gb")
    spreads = (memory_spread, spread)
    found.append(Row(f"{name}: peak memory, HF full logits", memory, theirs, memory / theirs, 0.9, "GB", spreads))
    full = flops / medians(sides["HF full logits"], "seconds")[0] / peak
    mfu, goal = flops / ours / peak, 0.6 if peak < 400e9 else 0.35
    note = f"share of {peak / 1e9:.0f} GFLOP/s, the peak of large products in this run; goal {goal:.0%} for ours"
    found.append(Row(f"{name}: MFU, HF full logits", mfu, full, mfu / full, None, "of the peak", note=note))
    return found


if __name__ == "__main__":
    from all import main

    main(only="training_step")
