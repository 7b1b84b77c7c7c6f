"""Question: how many answers a second, greedy and by beam search, free and under the contract's constraints?

    python benchmarks/speed/decoding.py --smoke

Free: both write the same number of tokens after the same prompts, and the answers must be the same. Constrained: ours
writes answers that parse; the peer, which knows no constraints, writes as many tokens as ours did and then stops, which
is the most favorable to it. The released script asks one prompt at a time, with 4 beams.
"""

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

from interleaved import Different, Part, Question, Results, Row
from settings import Settings, medians

BATCH = 16
METHODS = {1: "greedy", 4: "beam 4"}
FREE_GOALS = {1: 1.3, 4: 3.0}
BATCH_GOALS = {1: 3.0, 4: 5.0}
RELEASED_GOAL = 12.0


def ours(folder: str, dtype: str, prompts: str, beams: int, tokens: int, constrained: bool) -> dict[str, Any]:
    """Answers a second of `Engine.generate`, after a pass that compiles; the ids of the answers."""
    from examples import read_prompts

    from seqgpt_jax.decoding.decode_config import DecodeConfig
    from seqgpt_jax.decoding.engine import Engine
    from seqgpt_jax.io.model_folder import load

    loaded, asked = load(folder, dtype=dtype), read_prompts(prompts)
    config = DecodeConfig(beams, BATCH, tokens, constrained=constrained, length_penalty=1.0)
    engine = Engine.of(loaded, config)
    del loaded
    start = time.perf_counter()
    engine.generate(asked)
    first = time.perf_counter() - start
    start = time.perf_counter()
    found = engine.generate(asked)
    seconds = time.perf_counter() - start
    return {
        "per_second": len(asked) / seconds,
        "first_seconds": first,
        "ids": [list(one.ids) for one in found],
        "tokens": [len(one.ids) + one.finished for one in found],
    }


def answer_tokens(output: str, **arguments: Any) -> dict[str, Any]:
    """Writes how many tokens our constrained answers have, end token included."""
    found = ours(**arguments, constrained=True)
    Path(output).write_text(json.dumps(found["tokens"]), encoding="utf-8")
    return {"mean": sum(found["tokens"]) / len(found["tokens"]), "longest": max(found["tokens"])}


def peer(
    folder: str, dtype: str, prompts: str, beams: int, batch: int, device: str, tokens: int | None, counts: str | None
) -> dict[str, Any]:
    """Answers a second of `generate` of transformers on batches of prompts, after a short one that warms up.

    Args:
      tokens, counts: how many tokens are written: so many, or the most of those of a batch in the file `counts`.
    """
    import torch
    from examples import read_prompts
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place = "cuda" if device == "gpu" else "cpu"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).to(place).eval()
    tokenizer, asked = AutoTokenizer.from_pretrained(folder), read_prompts(prompts)
    written = json.loads(Path(counts).read_text(encoding="utf-8")) if counts else [tokens] * len(asked)
    # Alike prompts together, as ours does it.
    order = sorted(range(len(asked)), key=lambda number: len(asked[number].text))
    found: dict[int, list[int]] = {}

    def generate(numbers: list[int], most: int) -> None:
        texts = [asked[number].text for number in numbers]
        inputs = tokenizer(texts, return_tensors="pt", padding=len(texts) > 1).to(place)
        inputs.pop("token_type_ids", None)
        with torch.inference_mode():
            output = model.generate(**inputs, num_beams=beams, do_sample=False, max_new_tokens=most)
        for number, row in zip(numbers, output[:, inputs["input_ids"].shape[1] :].tolist(), strict=True):
            found[number] = row[: row.index(tokenizer.eos_token_id)] if tokenizer.eos_token_id in row else row

    groups = [order[start : start + batch] for start in range(0, len(order), batch)]
    generate(groups[0], 2)
    start = time.perf_counter()
    for group in groups:
        generate(group, max(written[number] for number in group))
    seconds = time.perf_counter() - start
    return {"per_second": len(asked) / seconds, "ids": [found[number] for number in range(len(asked))]}


def questions(settings: Settings) -> list[Question]:
    """Free and constrained, one for each shape, dtype and method."""
    found = []
    for shape in settings.shapes("smollm2_135m", "bloom_560m"):
        for dtype in settings.dtypes:
            for beams in METHODS:
                found += [free(settings, shape, dtype, beams), constrained(settings, shape, dtype, beams)]
    return found


def _common(settings: Settings, shape: str, dtype: str, beams: int) -> tuple[dict[str, Any], list[Part]]:
    """(arguments of both sides, setup)."""
    model = settings.model(shape)
    path = settings.beside(shape, "prompts.json")
    longest, number = (256, BATCH) if settings.smoke or settings.device == "cpu" else (512, 8 * BATCH)
    of_prompts = {"folder": model, "output": path, "number": number, "longest": longest}
    setup = [*settings.model_parts(shape), Part("examples", "make_prompts", of_prompts, creates=path)]
    return {"folder": model, "dtype": dtype, "prompts": path, "beams": beams}, setup


def free(settings: Settings, shape: str, dtype: str, beams: int) -> Question:
    """Free decoding of a fixed number of tokens."""
    common, setup = _common(settings, shape, dtype, beams)
    tokens = 8 if settings.smoke else 32
    sides = {
        "ours": Part("decoding", "ours", common | {"tokens": tokens, "constrained": False}),
        "HF batch 16": Part(
            "decoding",
            "peer",
            common | {"batch": BATCH, "device": settings.device, "tokens": tokens, "counts": None},
        ),
    }
    name = f"decoding, {METHODS[beams]}, free, {shape} {dtype}"
    return Question(name, "decoding", setup, sides, settings.times(shape), partial(_free_rows, name, beams, dtype))


def _free_rows(name: str, beams: int, dtype: str, sides: Results, setup: list) -> list[Row]:
    pairs = list(zip(sides["ours"][0]["ids"], sides["HF batch 16"][0]["ids"], strict=True))
    same = sum(one == other for one, other in pairs)
    # In float32 answers differ where two tokens are as likely but for rounding.
    if dtype == "float32" and same < 0.9 * len(pairs):
        first = next((one, other) for one, other in pairs if one != other)
        raise Different(f"{name}: only {same} of {len(pairs)} answers are the same, for example {first}")
    ours_, spread = medians(sides["ours"], "per_second")
    theirs, other = medians(sides["HF batch 16"], "per_second")
    note = f"{same} of {len(pairs)} answers are the same"
    goal, spreads = FREE_GOALS[beams], (spread, other)
    memory, peer_memory = (medians(sides[side], "peak_gb")[0] for side in ("ours", "HF batch 16"))
    return [
        Row(f"{name}: HF batch 16", ours_, theirs, ours_ / theirs, goal, "answers/s", spreads, note),
        Row(f"{name}: peak memory, HF batch 16", memory, peer_memory, memory / peer_memory, None, "GB"),
    ]


def constrained(settings: Settings, shape: str, dtype: str, beams: int) -> Question:
    """Constrained answers to real prompts."""
    common, setup = _common(settings, shape, dtype, beams)
    tokens = 64 if settings.smoke else 256
    counts = settings.beside(shape, f"{beams}_{dtype}_answer_tokens.json")
    setup.append(Part("decoding", "answer_tokens", common | {"output": counts, "tokens": tokens}, creates=counts))
    of_peer = common | {"device": settings.device, "tokens": None, "counts": counts}
    sides = {
        "ours": Part("decoding", "ours", common | {"tokens": tokens, "constrained": True}),
        "HF batch 16": Part("decoding", "peer", of_peer | {"batch": BATCH}),
    }
    if beams == 4:
        sides["released way"] = Part("decoding", "peer", of_peer | {"batch": 1}, repeats=1)
    name = f"decoding, {METHODS[beams]}, constrained, real prompts, {shape} {dtype}"
    return Question(name, "decoding", setup, sides, settings.times(shape), partial(_constrained_rows, name, beams))


def _constrained_rows(name: str, beams: int, sides: Results, setup: list) -> list[Row]:
    ours_, spread = medians(sides["ours"], "per_second")
    goals = {"HF batch 16": BATCH_GOALS[beams], "released way": RELEASED_GOAL}
    note = f"{setup[-1]['mean']:.0f} tokens an answer, at most {setup[-1]['longest']}"
    found = []
    for peer_name in list(sides)[1:]:
        theirs, other = medians(sides[peer_name], "per_second")
        title, goal = f"{name}: {peer_name}", goals[peer_name]
        found.append(Row(title, ours_, theirs, ours_ / theirs, goal, "answers/s", (spread, other), note))
    return found


if __name__ == "__main__":
    from all import main

    main(only="decoding")
