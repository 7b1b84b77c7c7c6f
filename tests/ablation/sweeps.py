"""Settings of small ablations, for the tests of this folder."""

from seqgpt_jax.ablation.config import AblationConfig


def two_stages(**changes) -> AblationConfig:
    """FT with and without PT."""
    settings = {
        "title": "With and without PT",
        "varied": "stages",
        "arms": {"PT + FT": {}, "PT + FT, more": {"ft/Train.steps": 9}, "FT": {"stages": ("ft",)}},
        "stages": {"pt": "pt_cpu.gin", "ft": "ft_cpu.gin"},
        "evaluation": "eval_cpu.gin",
        "mixtures": {"held-in": "ft_cpu", "held-out": "held_out_cpu"},
        "settings": {"Train.steps": 5, "ft/Prepare.quota": None, "evaluate/Decode.batch_size": 8},
        "resamples": 50,
    }
    return AblationConfig(**settings | changes)
