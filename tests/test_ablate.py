"""The `ablate` command with real trainings of a tiny model: killed and continued, printed as jobs, refused."""

import dataclasses
import importlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seqgpt_jax import ablate, command_line
from seqgpt_jax.ablation.sweep import expand
from seqgpt_jax.command_line import UsageError

GIN = """
Ablation.title = 'With and without PT'
Ablation.varied = 'training stages'
Ablation.stages = {'pt': 'quickstart_pt.gin', 'ft': 'quickstart_ft.gin'}
Ablation.evaluation = 'quickstart_eval.gin'
Ablation.arms = {'PT + FT': {'ft/Prepare.mixture': 'quick_sa_en'}}
Ablation.mixtures = {'held-out': 'quick_zero_sa_en'}
Ablation.records = 8
Ablation.settings = {
    'Prepare.max_instances': 30,
    'Prepare.tokenizer': 'tokenizer',
    'Prepare.tokenizer_vocab_size': 512,
    'Prepare.tokenizer_mixture': 'quick_sa_en',
    'Train.batch_size': 8,
    'Train.epochs': 100,
    'Train.steps': 10,
    'ft/Train.steps': 100,
    'Train.save_every': 10,
    'Train.log_every': 5,
    'Model.vocab_size': 512,
    'Model.hidden_size': 16,
    'Model.n_layer': 1,
    'Model.n_head': 2,
    'Optimizer.learning_rate': 0.02,
    'evaluate/Decode.max_new_tokens': 16,
    'evaluate/Decode.batch_size': 8,
}
"""
TRAINED = "pt_ft_ft_seed0"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "small.gin").write_text(GIN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start() -> subprocess.Popen:
    words = [sys.executable, "-m", "seqgpt_jax.ablate", "--gin_file=small.gin", "--work=work"]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def run_here(part) -> None:
    """Runs the command of a part in this process."""
    _, module, *flags = part.words
    assert importlib.import_module(module).main(flags) == 0


def output_of(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


@pytest.mark.slow
def test_a_killed_sweep_continues_and_gives_the_same_results(folder, monkeypatch, capsys) -> None:
    with monkeypatch.context() as patch:  # in one process, which takes less time
        patch.setattr(ablate, "run_command", run_here)
        assert ablate.main(["--gin_file=small.gin", "--work=work"]) == 0
    whole = capsys.readouterr().out
    assert "2 trainings, 0 of them finished; 110 steps left" in whole
    assert "time left: not known before the first part is timed, for 3 of 3 parts" in whole
    assert "left for 2 of 3 parts, and what is not timed yet: evaluate held-out" in whole
    assert "$ python -m seqgpt_jax.train --gin_file=quickstart_pt.gin --run_dir=work/pt_ft_pt_seed0" in whole
    assert {"results.json", "results.md", "results.png"} <= {path.name for path in (folder / "work").iterdir()}
    results = json.loads((folder / "work" / "results.json").read_text("utf-8"))
    assert results["mixtures"]["held-out"]["instances"] == 8

    # The same from its first stage on, killed in the second.
    again = folder / "again"
    again.mkdir()
    for name in ("small.gin", "tokenizer", "prepared", "work"):
        (shutil.copytree if (folder / name).is_dir() else shutil.copy)(folder / name, again / name)
    monkeypatch.chdir(again)
    run = Path("work") / TRAINED
    for left_over in (run, Path("work", "pt_ft_seed0_scores_held-out")):
        shutil.rmtree(left_over)
    killed = start()
    while not (run / "checkpoints" / "20").exists():
        assert killed.poll() is None, killed.communicate()[0]
        time.sleep(0.005)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert json.loads((run / "ablation_part.json").read_text("utf-8"))["done"] is False
    continued = output_of(start())
    assert "finished before: pt_ft_pt_seed0" in continued
    assert "resumed from step" in continued
    assert json.loads(Path("work", "results.json").read_text("utf-8")) == results

    # Nothing is left to do: only the results are written again.
    monkeypatch.setattr(ablate, "run_command", lambda part: pytest.fail(part.text))
    assert ablate.main(["--gin_file=small.gin", "--work=work"]) == 0
    with pytest.raises(ValueError, match=r"(?s)was made by another command.*Give another --work"):
        ablate.main(["--gin_file=small.gin", "--work=work", "--gin.Ablation.records=9"])


def test_a_signal_that_a_part_survives_ends_the_sweep(folder, monkeypatch) -> None:
    """As one that comes while a training writes its last checkpoint."""
    script = "import os, signal, time; signal.signal(15, lambda *_: exit(0)); os.kill(os.getppid(), 15); time.sleep(60)"
    run = subprocess.Popen

    def survivor(words: list[str]) -> subprocess.Popen:
        started.append(words)
        return run([sys.executable, "-c", script])

    started = []
    monkeypatch.setattr(ablate.subprocess, "Popen", survivor)
    with pytest.raises(ablate.PartFailedError, match="stopped by SIGTERM after pt_ft_pt_seed0"):
        ablate.main(["--gin_file=small.gin", "--work=work"])
    assert len(started) == 1
    record = Path("work", "pt_ft_pt_seed0", "ablation_part.json")
    assert json.loads(record.read_text("utf-8"))["done"] is True


def test_jobs_are_printed_and_nothing_runs(folder, capsys) -> None:
    flags = ["--gin_file=small.gin", "--work=my work", "--gin.Ablation.seeds=(0, 1)"]
    assert ablate.main([*flags, "--print"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "4 trainings, 0 of them finished; 220 steps left" in lines[1]
    jobs = [shlex.split(line) for line in lines if line.startswith("python")]
    names = ["pt_ft_pt_seed0", "pt_ft_pt_seed1", "pt_ft_ft_seed0", "pt_ft_ft_seed1"]
    assert jobs == [["python", "-m", "seqgpt_jax.ablate", *flags, f"--job={name}"] for name in names]
    assert lines.index("# These can run at the same time, after those above have finished:") == len(lines) - 3
    assert not (folder / "my work").exists()
    with pytest.raises(UsageError, match="starts from another one, which has not finished: pt_ft_pt_seed0"):
        ablate.main([*flags, "--job=pt_ft_ft_seed0"])
    with pytest.raises(UsageError, match="there is no job 'ft'; there are pt_ft_pt_seed0, "):
        ablate.main([*flags, "--job=ft"])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("{'Train.stepz': 5}", r"arm 'PT \+ FT', train pt: --gin\.Train\.stepz=5: Train has no field 'stepz'"),
        ("{'Train.steps': 0}", r"arm 'PT \+ FT', train pt: Train\.steps must be an integer of at least 1"),
        ("{'ft/Prepare.mixture': 'ftt'}", r"arm 'PT \+ FT', train ft: there is no mixture or task 'ftt'"),
        ("{'CHECKPOINT': 'x'}", r"arm 'PT \+ FT', train pt: --gin\.CHECKPOINT=x: nothing uses the binding CHECKPOINT"),
        ("{'evaluate/Train.steps': 5}", r"arm 'PT \+ FT', evaluate held-out: .*Train is not used by this command"),
    ],
)
def test_a_mistake_in_an_arm_is_reported_before_anything_runs(folder, setting, message) -> None:
    flags = ["--gin_file=small.gin", "--work=work", f"--gin.Ablation.settings={setting}"]
    if "mixture" in setting:
        flags[-1] = f"--gin.Ablation.arms={{'PT + FT': {setting}}}"
    with pytest.raises(UsageError, match=message):
        ablate.main(flags)
    assert not (folder / "work").exists()


def test_a_part_of_a_changed_gin_file_is_not_used_again(folder, monkeypatch) -> None:
    own, included = folder / "own_pt.gin", folder / "included.gin"
    own.write_text("include 'quickstart_pt.gin'\ninclude 'included.gin'\n", encoding="utf-8")
    included.write_text("Train.seed = 0\nOptimizer.weight_decay = 0.1\n", encoding="utf-8")
    flags = ["--gin_file=small.gin", "--work=work", "--job=pt_ft_pt_seed0"]
    flags += ["--gin.Ablation.stages={'pt': 'own_pt.gin', 'ft': 'quickstart_ft.gin'}"]
    monkeypatch.setattr(ablate, "run_command", lambda part: None)
    assert ablate.main(flags) == 0
    included.write_text("# The same.\nOptimizer.weight_decay = 0.1\nTrain.seed = 0\n", encoding="utf-8")
    assert ablate.main(flags) == 0
    included.write_text("Train.seed = 0\nOptimizer.weight_decay = 0.2\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"(?s)pt_ft_pt_seed0 was made with other settings of own_pt\.gin.*decay = 0\.2"
    ):
        ablate.main(flags)


def test_a_failed_part_names_its_command(folder, monkeypatch, capfd) -> None:
    monkeypatch.setenv("SEQGPT_DATA_DIR", str(folder))
    flags = ["--gin_file=small.gin", "--work=work", "--gin.Ablation.settings={'Train.batch_size': 8}"]
    flags += ["--gin.Ablation.stages={'pt': 'pt_cpu.gin', 'ft': 'ft_cpu.gin'}"]
    with pytest.raises(UsageError, match=r"(?s)pt_ft_pt_seed0 ended with exit code 2.*python -m seqgpt_jax\.train"):
        ablate.main(flags)
    assert "error: this run needs what is not here" in capfd.readouterr().err


def test_help_shows_an_example(capsys) -> None:
    with pytest.raises(SystemExit):
        ablate.main(["--help"])
    assert "python -m seqgpt_jax.ablate --gin_file=ablations/languages.gin" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "varied"),
    [
        ("data_sets", {"mixture"}),
        ("languages", {"mixture"}),
        ("mixing", {"mixing", "quota"}),
        ("model_size", set()),
        ("negative_numbers", {"max_negative_queries"}),
        ("negatives", {"negatives", "min_negative_queries", "max_negative_queries", "empty_extractions"}),
        ("quota", {"quota"}),
        ("samples", {"max_instances"}),
        ("templates", {"template"}),
        ("transfer", {"mixture"}),
        ("without_answer", {"empty_extractions", "empty_classifications"}),
    ],
)
def test_arms_of_shipped_ablations_have_equal_data_but_for_what_is_varied(name, varied) -> None:
    config = command_line.Configs([f"ablations/{name}.gin"], [], ("Ablation",)).build("Ablation")
    sweep = expand(config, Path("work"))
    prepared = []
    for part in sweep.parts.values():
        if part.command == "train":
            bindings = [word.removeprefix("--gin.") for word in part.words if word.startswith("--gin.")]
            configs = command_line.Configs([part.gin_file], bindings, ablate._USES["train"])
            prepared.append(dataclasses.asdict(configs.build("Prepare")))
    assert len(prepared) == len(config.arms)
    assert {field for field in prepared[0] if any(one[field] != prepared[0][field] for one in prepared)} == varied


def test_every_shipped_ablation_is_valid(folder, capsys) -> None:
    names = sorted(path.name for path in (ablate.command_line.CONFIGS_FOLDER / "ablations").glob("*.gin"))
    assert len(names) > 5
    for name in names:
        assert ablate.main([f"--gin_file=ablations/{name}", "--work=work", "--print"]) == 0
        assert f"--gin_file=ablations/{name} --work=work --job=" in capsys.readouterr().out
