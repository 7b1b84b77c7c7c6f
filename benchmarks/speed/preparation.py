"""Question: how many examples a second does `prepare` write, from raw files to packed tokens?

    SEQGPT_DATA_DIR=… python benchmarks/speed/preparation.py

The stages one by one: benchmarks/prepare_speed.py.
"""

from functools import partial

from examples import source
from interleaved import Question, Results, Row
from settings import Settings, medians


def questions(settings: Settings) -> list[Question]:
    """One, of the mixture that the other questions take their lengths from."""
    if settings.device == "gpu":
        return []
    *setup, part = settings.lengths_parts()
    name = f"prepare, {source()}"
    return [Question(name, "preparation", setup, {"ours": part}, settings.repeats, partial(_rows, name))]


def _rows(name: str, sides: Results, setup: list) -> list[Row]:
    rates = [{"rate": one["examples"] / one["seconds"]} for one in sides["ours"]]
    rate, spread = medians(rates, "rate")
    first = sides["ours"][0]
    note = f"{first['examples']:,} examples, {first['mean_tokens']:.0f} tokens each"
    return [Row(name, rate, None, None, 7000, "examples/s", (spread, None), note)]


if __name__ == "__main__":
    from all import main

    main(only="preparation")
