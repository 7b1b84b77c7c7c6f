"""Model families by name: the one place to register a new backbone."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seqgpt_jax.models import bloom_keys, gemma_keys, llama_keys
from seqgpt_jax.models.backbone import Backbone, ModelConfig
from seqgpt_jax.models.bloom import Bloom
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.gemma import Gemma
from seqgpt_jax.models.gemma_config import GemmaConfig
from seqgpt_jax.models.key_map import KeyMap
from seqgpt_jax.models.llama import Llama
from seqgpt_jax.models.llama_config import LlamaConfig

DEFAULT_ARCHITECTURE = "bloom"
"""What gin's `Model` describes without `Model.architecture`, and a model.json or checkpoint of before that key."""


@dataclass(frozen=True)
class Architecture:
    """One family.

    Attributes:
      config: its `ModelConfig`.
      model: its `Backbone`.
      key_map: of a config: the map between parameters and the tensors of a Hugging Face checkpoint.
      title: the family's name in text.
      license: that of its published weights, as the Hugging Face hub names it.
      license_note: what that means for models derived from them, in Markdown.
    """

    config: type[ModelConfig]
    model: Callable[..., Backbone]
    key_map: Callable[[Any], KeyMap]
    title: str
    license: str
    license_note: str


_APACHE = "The published weights, and models derived from them, are under the Apache License 2.0."
_QWEN2 = f"{_APACHE} Those of 3B and 72B are not: look at the license of the model that this one was made from."

ARCHITECTURES: dict[str, Architecture] = {
    "bloom": Architecture(
        BloomConfig,
        Bloom,
        bloom_keys.key_map,
        title="BLOOM",
        license="bigscience-bloom-rail-1.0",
        license_note="BLOOM and BLOOMZ weights, and models derived from them, are under the "
        "[BigScience RAIL License v1.0](https://huggingface.co/spaces/bigscience/license), which restricts some uses.",
    ),
    "llama": Architecture(
        LlamaConfig,
        Llama,
        llama_keys.key_map,
        title="Llama",
        license="other",
        license_note="Weights of this architecture have different licenses (Llama: its Community License; SmolLM2: "
        "Apache-2.0). That of the model this one was made from holds for it too: `export --license` names it.",
    ),
    "mistral": Architecture(
        LlamaConfig, Llama, llama_keys.key_map, title="Mistral", license="apache-2.0", license_note=_APACHE
    ),
    "qwen2": Architecture(
        LlamaConfig, Llama, llama_keys.key_map, title="Qwen2.5", license="apache-2.0", license_note=_QWEN2
    ),
    "qwen3": Architecture(
        LlamaConfig, Llama, llama_keys.key_map, title="Qwen3", license="apache-2.0", license_note=_APACHE
    ),
    "gemma3_text": Architecture(
        GemmaConfig,
        Gemma,
        gemma_keys.key_map,
        title="Gemma 3",
        license="gemma",
        license_note="Gemma weights, and models derived from them, are under the "
        "[Gemma Terms of Use](https://ai.google.dev/gemma/terms), which restrict some uses.",
    ),
}
"""By the name that Hugging Face gives them as `model_type`."""


def family(architecture: str) -> Architecture:
    """The family registered as `architecture`.

    Raises:
      ValueError: there is none; the message lists what there is.
    """
    if architecture not in ARCHITECTURES:
        raise ValueError(f"Model.architecture = {architecture!r} is unknown; supported: {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[architecture]


def make_config(architecture: str = DEFAULT_ARCHITECTURE, **fields: Any) -> ModelConfig:
    """The config of a model of one family: what gin's `Model` builds and model.json holds.

    Raises:
      ValueError: an unknown architecture, a field that it lacks or needs, or a value that it refuses.
    """
    config = family(architecture).config
    parameters = inspect.signature(config).parameters
    unknown = sorted(fields.keys() - parameters.keys())
    given = {"architecture", *fields}
    missing = [name for name, p in parameters.items() if p.default is p.empty and name not in given]
    if unknown or missing:
        problems = [f"has no {', '.join(unknown)}"] if unknown else []
        problems += [f"needs {', '.join(missing)}"] if missing else []
        raise ValueError(f"Model.architecture = {architecture!r} {' and '.join(problems)}")
    return config(architecture=architecture, **fields)


def _all_fields() -> inspect.Signature:
    """`architecture` and the fields of all families; required is what every family requires."""
    signatures = [inspect.signature(family.config).parameters for family in ARCHITECTURES.values()]
    merged: dict[str, inspect.Parameter] = {}
    for name in dict.fromkeys(name for signature in signatures for name in signature):
        of_families = [signature.get(name) for signature in signatures]
        same = all(p is not None and p.default == of_families[0].default for p in of_families)
        merged[name] = inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=of_families[0].default if same else _UNSET
        )
    merged["architecture"] = merged["architecture"].replace(default=DEFAULT_ARCHITECTURE)
    return inspect.Signature(list(merged.values()))


_UNSET = object()  # no literal, so that gin leaves it out of the operative config
make_config.__signature__ = _all_fields()  # type: ignore[attr-defined]  # which fields gin lets a file bind


def config_from_hf(values: Mapping[str, Any], *, dtype: str = "float32", param_dtype: str = "float32") -> ModelConfig:
    """The config that a Hugging Face config.json describes; its `model_type` is the architecture.

    Raises:
      ValueError: another architecture, or a variant that is not supported.
    """
    model_type = values.get("model_type")
    if model_type not in ARCHITECTURES:
        raise ValueError(f"config.json says model_type={model_type!r}; supported: {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[model_type].config.from_hf(values, dtype=dtype, param_dtype=param_dtype)
