"""Question: how fast are matrix products with the sizes of decoding and of training? They bound both.

    python benchmarks/speed/products.py --smoke

The products of a chain take the kernels of MLPs, in each block other ones, as a step does: few rows wait for weights to
come from memory, many for arithmetic.
"""

from functools import partial
from typing import Any

from interleaved import Part, Question, Results, Row
from machine import best_seconds
from settings import Settings, medians

ROWS = {
    1: "one prompt, greedy",
    4: "one prompt, 4 beams",
    16: "16 prompts, greedy",
    64: "16 prompts, 4 beams",
    512: "training, 2 x 256",
}


def rate(shape: str, dtype: str, device: str, rows: int, library: str) -> dict[str, float]:
    """GFLOP/s of one chain through the MLPs of all blocks of a shape."""
    import numpy as np
    from backbones import config_of

    config, rng = config_of(shape), np.random.default_rng(0)
    width = config.hidden_size
    wide = getattr(config, "mlp_size", 4 * width)
    sizes = [size for _ in range(config.n_layer) for size in ((width, wide), (wide, width))]
    kernels = [rng.normal(0, size[0] ** -0.5, size).astype(np.float32) for size in sizes]
    x = rng.normal(0, 1, (rows, width)).astype(np.float32)
    seconds = {"torch": _torch_seconds, "jax": _jax_seconds}[library](x, kernels, dtype, device)
    return {"gflops": 2 * rows * sum(kernel.size for kernel in kernels) / seconds / 1e9}


def _torch_seconds(x: Any, kernels: list[Any], dtype: str, device: str) -> float:
    import torch

    place = {"dtype": getattr(torch, dtype), "device": "cuda" if device == "gpu" else "cpu"}
    # As in its linear layers: [outputs, inputs].
    weights = [torch.tensor(kernel.T.copy()).to(**place) for kernel in kernels]
    first = torch.tensor(x).to(**place)

    @torch.inference_mode()
    def run() -> None:
        y = first
        for weight in weights:
            y = torch.nn.functional.linear(y, weight)
        if device == "gpu":
            torch.cuda.synchronize()

    return best_seconds(run)


def _jax_seconds(x: Any, kernels: list[Any], dtype: str, device: str) -> float:
    import jax
    import jax.numpy as jnp

    @jax.jit
    def chain(y: jax.Array, kernels: list[jax.Array]) -> jax.Array:
        for kernel in kernels:
            y = jnp.dot(y, kernel, preferred_element_type=jnp.float32).astype(dtype)
        return y

    first, weights = jnp.asarray(x, dtype), [jnp.asarray(kernel, dtype) for kernel in kernels]
    return best_seconds(lambda: chain(first, weights).block_until_ready())


def questions(settings: Settings) -> list[Question]:
    """One for each number of rows, of the shape that decoding is measured with."""
    found = []
    # Sizes alone count here.
    for shape in () if settings.own_model else settings.shapes("smollm2_135m", tiny="tiny_llama"):
        for dtype in settings.dtypes:
            for rows, use in ROWS.items():
                common = {"shape": shape, "dtype": dtype, "device": settings.device, "rows": rows}
                sides = {
                    name: Part("products", "rate", common | {"library": library})
                    for name, library in (("ours", "jax"), ("torch", "torch"))
                }
                name = f"products, {rows} rows, {shape} {dtype}"
                row = partial(_rows, name, use)
                found.append(Question(name, "products", [], sides, settings.times(shape), row))
    return found


def _rows(name: str, use: str, sides: Results, setup: list) -> list[Row]:
    ours, spread = medians(sides["ours"], "gflops")
    theirs, other = medians(sides["torch"], "gflops")
    return [Row(f"{name}: torch", ours, theirs, ours / theirs, None, "GFLOP/s", (spread, other), use)]


if __name__ == "__main__":
    from all import main

    main(only="products")
