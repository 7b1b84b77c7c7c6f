"""Fingerprint of code: which modules of preparation count."""

from pathlib import Path

from seqgpt_jax.data.prepare import code_fingerprint

# They schedule, look up, report or plot; what a store holds does not depend on them.
NOT_DECIDING = {
    "__init__",
    "beam_runner",
    "code_fingerprint",
    "config",
    "leak_report",
    "losses",
    "mixture_chart",
    "mixture_summary",
    "resolve",
    "resolved",
    "training_text",
    "workers",
}


def test_every_module_of_preparation_is_decided_about() -> None:
    modules = {path.stem for path in Path(code_fingerprint.__file__).parent.glob("*.py")}
    deciding = {name.removeprefix("data/prepare/") for name in code_fingerprint._DECIDING if "/prepare/" in name}
    assert not deciding & NOT_DECIDING
    assert deciding | NOT_DECIDING == modules
