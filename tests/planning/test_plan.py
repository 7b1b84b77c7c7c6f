"""The command, with the TPU's compiler where it is installed."""

import json
import os
import subprocess
import sys

import pytest

from seqgpt_jax import plan
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.planning import compiling

TINY = ("--gin_file=bloom_tiny.gin", "--gin.Model.dtype=bfloat16", "--gin.Train.length=128")

try:
    compiling.find_compiler()
    MISSING = ""
except compiling.NoCompilerError as error:
    MISSING = str(error)
# The test process has JAX's compile cache on, which the command turns off in its own.
pytestmark = pytest.mark.filterwarnings("ignore:Error reading persistent compilation cache")
needs_compiler = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture
def run(capsys, monkeypatch):
    """The command in this process: a function from flags to (exit code, what it printed, what it said on stderr)."""
    for name in (
        "TPU_LIBRARY_PATH",
        "TPU_SKIP_MDS_QUERY",
        "ALLOW_MULTIPLE_LIBTPU_LOAD",
        "JAX_ENABLE_COMPILATION_CACHE",
    ):
        monkeypatch.setenv(name, os.environ.get(name, ""))

    def plan_main(*flags: str) -> tuple[int, str, str]:
        code = plan.main(flags)
        return (code, *capsys.readouterr())

    return plan_main


@needs_compiler
def test_a_tiny_model_on_four_chips() -> None:
    # In a process of its own, as users run it: what is on stdout is JSON and nothing else.
    flags = (*TINY, "--topology=v5e:2x2", "--gin.Train.batch_size=8", "--examples=100_000", "--json")
    done = subprocess.run(
        [sys.executable, "-m", "seqgpt_jax.plan", *flags], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    made = json.loads(done.stdout)
    assert made["fits"] is True
    assert {name: size for name, size in made["mesh"].items() if size > 1} == {"fsdp": 4}
    sizes = made["bytes_per_chip"]
    assert sizes["optimizer"] == pytest.approx(2 * sizes["parameters"], abs=64)
    assert sizes["total"] == sum(size for name, size in sizes.items() if name != "total")
    assert {phase["name"] for phase in made["phases"]} >= {"forward", "backward", "rest"}
    # Parameters are split, so they must be gathered and their gradients reduced.
    assert any(name.startswith("backward: ") for name in made["collectives"])
    assert 0 < made["roofline_mfu"] < 1
    assert made["roofline_step_seconds"] == pytest.approx(sum(phase["seconds"] for phase in made["phases"]))
    assert made["hours"] == pytest.approx(made["steps"] * made["roofline_step_seconds"] / 3600)


@needs_compiler
def test_two_cores_of_a_v4_chip_are_one_device_and_micro_batches_repeat_the_blocks(run) -> None:
    code, text, _ = run(*TINY, "--topology=v4:2x2x1", "--gin.Train.batch_size=16", "--gin.Train.accumulate=2", "--json")
    made = json.loads(text)
    assert (code, made["chips"], made["mesh"]["fsdp"]) == (0, 4, 4)
    counts = [entry["count"] for name, entry in made["collectives"].items() if name.startswith("forward")]
    layers, micro_batches = 2, 2
    assert counts
    assert all(count % (layers * micro_batches) == 0 for count in counts)


@needs_compiler
def test_what_does_not_fit_is_said_with_sizes(run) -> None:
    flags = ("--gin_file=bloom_1b7.gin", "--topology=v5e:1x1", "--gin.Train.batch_size=1", "--gin.Train.length=256")
    code, text, _ = run(*flags, "--json")
    made = json.loads(text)
    assert (code, made["fits"], made["roofline_step_seconds"]) == (1, False, None)
    sizes = made["bytes_per_chip"]
    assert sizes["parameters"] > 6e9
    assert sizes["needed"] > sizes["available"] > 15e9
    assert "RESOURCE_EXHAUSTED" in made["problem"]


@needs_compiler
def test_a_mesh_is_found_for_a_recipe_that_has_none(run) -> None:
    flags = (*TINY, "--topology=v5e:2x2", "--gin.Train.batch_size=8", "--gin.Mesh.fsdp=3")
    code, text, said = run(*flags, "--suggest")
    assert code == 0
    assert "trying data" in said
    assert "fits into 16 GiB" in text


@needs_compiler
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--topology=v5e:3x5",), "--topology=v5e:3x5"),
        (("--topology=v5e:2x2", "--gin.Train.batch_size=6"), "Train.batch_size = 6 cannot be split"),
        (("--topology=v5e:2x2", "--gin.Mesh.fsdp=3"), "does not fit 4 devices"),
        (("--topology=v5e:2x2", "--gin.Mesh.replica=2"), "--topology is one slice"),
    ],
)
def test_contradictions_are_named(run, flags, message) -> None:
    with pytest.raises(ValueError, match=message):
        run(*TINY, *flags)


def test_flags_that_say_the_same_twice() -> None:
    with pytest.raises(UsageError, match="--examples and --tokens"):
        plan.main([*TINY, "--topology=v5e:2x2", "--examples=5", "--tokens=5"])
    with pytest.raises(UsageError, match="--supervised is what --store knows"):
        plan.main([*TINY, "--topology=v5e:2x2", "--supervised=0.3", "--store=prepared/x"])
    with pytest.raises(ValueError, match="chips: v4, v5e"):
        plan.main([*TINY, "--topology=v7:2x2"])


def test_a_missing_compiler_is_said_with_the_way_to_get_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TPU_LIBRARY_PATH", str(tmp_path / "libtpu.so"))
    with pytest.raises(UsageError, match="TPU_LIBRARY_PATH"):
        plan.main([*TINY, "--topology=v5e:2x2"])
    monkeypatch.delenv("TPU_LIBRARY_PATH")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(compiling.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'seqgpt_jax\[plan\]'.*pip install --target=.*'libtpu=="):
        plan.main([*TINY, "--topology=v5e:2x2"])


def test_sizes_in_the_compilers_message() -> None:
    told = compiling.told_sizes("total memory required for HLO temporaries (17.85G) exceeds available HBM (15.75G).")
    assert told == {"needed": pytest.approx(17.85 * 2**30), "available": 15.75 * 2**30}
