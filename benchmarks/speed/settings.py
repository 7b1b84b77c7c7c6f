"""Settings of a run of the benchmarks, and the parts that several questions need."""

import hashlib
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interleaved import Different, Part

Pair = tuple[float, float]


@dataclass(frozen=True)
class Settings:
    """What is measured, and how often.

    Attributes:
      folder: of models, data and journal.
      device: "cpu" or "gpu".
      threads: cores that a part has.
      repeats: processes of each side.
      backbones: shapes that are measured instead of the default ones of each question; () takes those.
      dtypes: of computation.
      gguf: file with real weights of SmolLM2-135M; None: random ones.
      own_model: a Hugging Face folder with a `[GEN]` token that is measured in place of the backbones; None: those.
      smoke: tiny shapes, to see that all runs.
    """

    folder: Path
    device: str
    threads: int
    repeats: int
    backbones: tuple[str, ...]
    dtypes: tuple[str, ...]
    gguf: str | None
    own_model: str | None
    smoke: bool

    def shapes(self, *default: str, tiny: str = "tiny_bloom") -> tuple[str, ...]:
        """The shapes of a question whose own choice is `default`, and `tiny` in a smoke test."""
        if self.own_model:
            return (Path(self.own_model).name,)
        if self.smoke:
            return (tiny,)
        return self.backbones or default

    def times(self, shape: str) -> int:
        """Repeats for a shape: the large ones of a CPU take minutes each."""
        large = shape in ("bloom_560m", "qwen3_0_6b") and self.device == "cpu"
        return min(self.repeats, 2) if large else self.repeats

    def data_folder(self) -> Path:
        """The folder of tokenizer, lengths and prompts: those of real data are not those of generated texts."""
        return self.folder / ("data_real" if os.environ.get("SEQGPT_DATA_DIR") else "data_generated")

    def model(self, shape: str) -> str:
        """The Hugging Face folder of a shape."""
        if self.own_model:
            return self.own_model
        kind = "gguf" if self._gguf_of(shape) else "random"
        return str(self.data_folder() / f"{shape}_{kind}")

    def beside(self, shape: str, ending: str) -> str:
        """A path in the folder of the data that is named after the model of a shape."""
        name = Path(self.model(shape)).name
        if self.own_model:  # two of them may have one name
            name += "_" + hashlib.sha256(str(Path(self.own_model).resolve()).encode()).hexdigest()[:8]
        return str(self.data_folder() / f"{name}_{ending}")

    def _gguf_of(self, shape: str) -> str | None:
        return self.gguf if shape == "smollm2_135m" else None

    def tokenizer_part(self) -> Part:
        """The tokenizer that all random models share."""
        folder = str(self.data_folder() / "tokenizer")
        arguments = {"folder": folder, "size": 4000 if self.smoke else 16_000}
        return Part("backbones", "make_tokenizer", arguments, creates=folder)

    def model_parts(self, shape: str) -> list[Part]:
        """What makes the folder of a shape."""
        if self.own_model:
            return []
        tokenizer, folder = self.tokenizer_part(), self.model(shape)
        arguments = {"name": shape, "folder": folder, "tokenizer": tokenizer.creates, "gguf": self._gguf_of(shape)}
        return [tokenizer, Part("backbones", "make", arguments, creates=folder)]

    def lengths_parts(self, repeats: int | None = None) -> list[Part]:
        """What prepares the mixture and writes the lengths of its examples."""
        tokenizer, lengths = self.tokenizer_part(), str(self.data_folder() / "lengths.json")
        arguments = {
            "tokenizer": tokenizer.creates,
            "folder": str(self.data_folder() / "prepared"),
            "lengths": lengths,
            "instances": 20 if self.smoke else None,
        }
        return [tokenizer, Part("examples", "prepare", arguments, repeats, creates=lengths)]


def spread(values: Sequence[float]) -> Pair:
    """The lowest and the highest."""
    return min(values), max(values)


def check_equal(what: str, one: Mapping[str, Any], other: Mapping[str, Any], tolerance: float = 2e-3) -> str:
    """Compares a loss and the samples of its gradient in float32; says how equal they are, for the page.

    Differences are relative to the largest element sampled of a tensor, and at least a millionth of the whole
    gradient's norm: a bias of keys, which softmax cancels, has a gradient of rounding errors alone.

    Raises:
      Different: they are not equal.
    """
    ours, theirs = one["gradient"], other["gradient"]
    if missing := set(ours) ^ set(theirs):
        raise Different(f"{what}: tensors of one side alone: {sorted(missing)[:3]}")
    floor = 1e-6 * sum(values[0] ** 2 for values in theirs.values()) ** 0.5
    worst = 0.0
    for name, values in theirs.items():
        scale = max(*map(abs, values[1:]), floor)
        for a, b in zip(ours[name][1:], values[1:], strict=True):
            worst = max(worst, abs(a - b) / scale)
        worst = max(worst, abs(ours[name][0] - values[0]) / max(values[0], floor))
    loss = abs(one["loss"] - other["loss"]) / abs(other["loss"])
    if not (loss < 1e-5 and worst < tolerance):
        raise Different(f"{what}: loss {one['loss']} and {other['loss']}; gradients differ by {worst:.1e} of a tensor")
    return f"loss equal to {loss:.0e}, gradients to {worst:.0e}"


def medians(results: Sequence[Mapping[str, Any]], name: str) -> tuple[float, Pair]:
    """The median over processes of a value, or of the median of a list, with its spread."""
    values = [statistics.median(result[name]) if isinstance(result[name], list) else result[name] for result in results]
    return statistics.median(values), spread(values)
