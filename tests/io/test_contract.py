"""The seqgpt.json of model folders."""

import dataclasses
import json

import pytest

from seqgpt_jax.atomic import GEN, TEMPLATES, chunk_labels
from seqgpt_jax.io.contract import (
    RELEASED_CONTRACT,
    BaseWeights,
    ContractFileError,
    ModelContract,
    ScoreCalibration,
    contract_of,
    contract_of_resumed,
    contract_of_start,
    read_contract,
    write_contract,
)

MANIFEST = {
    "name": "ft.train.0123456789",
    "mixture": "ft",
    "content": "3da026b157f296d6",
    "settings": {
        "template": "english",
        "max_prompt_tokens": 256,
        "max_target_tokens": 96,
        "max_queries": 4,
        "max_labels": 16,
        "seed": 3,
    },
    "tokenizer": {"fingerprint": "a20787e02aa0168a", "tokens": 8192},
    "tasks": {"b": {}, "a": {}},
}


def test_what_is_written_is_read(tmp_path) -> None:
    contract = contract_of(MANIFEST)
    assert (contract.template, contract.max_prompt_tokens, contract.max_target_tokens) == ("english", 256, 96)
    assert (contract.max_queries, contract.max_labels) == (4, 16)
    assert contract.tokenizer_fingerprint == "a20787e02aa0168a"
    assert contract.data["tasks"] == ["a", "b"]
    assert contract.data["settings"]["seed"] == 3
    write_contract(tmp_path, contract)
    assert read_contract(tmp_path, log=pytest.fail) == contract


def test_the_defaults_are_those_of_the_released_model() -> None:
    assert RELEASED_CONTRACT.prompt_end == GEN
    assert TEMPLATES[RELEASED_CONTRACT.template] is TEMPLATES["chinese"]
    assert len(chunk_labels(tuple(map(str, range(6))), RELEASED_CONTRACT.max_queries)) == 1


def test_a_folder_without_it_is_read_with_the_defaults_and_a_note(tmp_path) -> None:
    notes = []
    assert read_contract(tmp_path, log=notes.append) == RELEASED_CONTRACT
    (note,) = notes
    assert "no seqgpt.json: using the chinese template, prompts of at most 1,024 and answers of at most 256" in note


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "is not a model contract"),
        ("[]", "is not a model contract"),
        ('{"max_queries": 0}', "max_queries must be a whole number of at least 1, not 0"),
        ('{"max_prompt_tokens": "many"}', "max_prompt_tokens must be a whole number"),
        ('{"template": null}', "template must be a string, not None"),
        ('{"max_quieries": 6}', r"unknown keys max_quieries \(written by a newer version\?\)"),
    ],
)
def test_a_broken_file_is_named(tmp_path, content, fault) -> None:
    (tmp_path / "seqgpt.json").write_text(content)
    with pytest.raises(ContractFileError, match=rf"(?s)seqgpt\.json.*{fault}"):
        read_contract(tmp_path)


def test_the_file_is_json_with_every_field(tmp_path) -> None:
    write_contract(tmp_path, ModelContract())
    values = json.loads((tmp_path / "seqgpt.json").read_text(encoding="utf-8"))
    # Two that only some models have.
    assert values | {"base": None, "calibration": None} == dataclasses.asdict(RELEASED_CONTRACT)


def test_the_weights_that_training_started_from_are_kept_over_stages(tmp_path) -> None:
    first = contract_of_start(ModelContract(), None)
    assert first.base == BaseWeights()
    write_contract(tmp_path / "imported", ModelContract(base=BaseWeights("acme/mini", "mit")))
    write_contract(tmp_path / "pt", contract_of_start(ModelContract(), str(tmp_path / "imported")))
    assert contract_of_start(ModelContract(), str(tmp_path / "pt")).base == BaseWeights("acme/mini", "mit")
    # A folder of an earlier version has but its name.
    write_contract(tmp_path / "old", ModelContract())
    assert not {"base", "calibration"} & json.loads((tmp_path / "old" / "seqgpt.json").read_text()).keys()
    assert contract_of_start(ModelContract(), str(tmp_path / "old")).base == BaseWeights("old")


@pytest.mark.parametrize("base", [None, BaseWeights("acme/mini")])
def test_a_run_that_resumes_keeps_its_base_and_loses_the_calibration_of_other_weights(tmp_path, base) -> None:
    calibration, lines = ScoreCalibration(2.0), []
    write_contract(tmp_path, ModelContract(base=base, calibration=calibration))
    finished = contract_of_resumed(ModelContract(), tmp_path, finished=True, log=lines.append)
    assert (finished.base, finished.calibration, lines) == (base, calibration, [])
    resumed = contract_of_resumed(ModelContract(), tmp_path, finished=False, log=lines.append)
    assert (resumed.base, resumed.calibration) == (base, None)
    assert "run `calibrate` again" in lines[0]
