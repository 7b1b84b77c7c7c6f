"""Question: how many examples of real lengths does training take a second, ours packed, the peer's padded?

python benchmarks/speed/training_rate.py --smoke
"""

from functools import partial

from interleaved import Part, Question, Results, Row
from settings import Settings, check_equal, medians

PEERS = {"HF padded, full logits": ("full", 2.5), "HF padded, gathered by hand": ("gathered", None)}


def questions(settings: Settings) -> list[Question]:
    """One for each shape and dtype."""
    shapes = settings.shapes("smollm2_135m" if settings.device == "cpu" else "bloom_560m", tiny="tiny_llama")
    return [_question(settings, shape, dtype) for shape in shapes for dtype in settings.dtypes]


def _question(settings: Settings, shape: str, dtype: str) -> Question:
    small = settings.device == "cpu"
    examples, length, rows, peer_rows = (48, 1024, 1, 8) if small else (2048, 1024, 16, 96)
    if settings.smoke:
        examples, length, rows, peer_rows = 12, 256, 1, 4
    model, lengths = settings.model(shape), settings.lengths_parts()
    data = {"folder": model, "dtype": dtype, "lengths": lengths[-1].arguments["lengths"], "examples": examples}
    data |= {"longest": length}
    sides = {"ours": Part("jax_training", "epoch", data | {"length": length, "rows": rows, "remat": "none"})}
    of_check = {"folder": model, "lengths": data["lengths"], "examples": min(examples, 8), "length": length}
    packed = Part("jax_training", "check", of_check | {"kind": "packed", "rows": 1})
    padded = Part("torch_training", "check", of_check | {"kind": "padded to longest", "rows": 4, "form": "full"})
    for name, (form, _) in PEERS.items():
        arguments = data | {"rows": peer_rows, "form": form, "device": settings.device}
        sides[name] = Part("torch_training", "epoch", arguments)
    name = f"training, real lengths, {shape} {dtype}"
    setup = [*settings.model_parts(shape), *lengths, packed, padded]
    return Question(name, "training_rate", setup, sides, settings.times(shape), partial(_rows, name))


def _rows(name: str, sides: Results, setup: list) -> list[Row]:
    note = check_equal(name, setup[-2], setup[-1])
    ours, spread = medians(sides["ours"], "examples_per_second")
    found = []
    for peer, (_, goal) in PEERS.items():
        theirs, other = medians(sides[peer], "examples_per_second")
        fills = f"filled {sides['ours'][0]['fill']:.0%}, the peer's {sides[peer][0]['fill']:.0%}"
        row = Row(f"{name}: {peer}", ours, theirs, ours / theirs, goal, "examples/s", (spread, other))
        found.append(Row(**{**vars(row), "note": f"{note}; {fills}"}))
    return found


if __name__ == "__main__":
    from all import main

    main(only="training_rate")
