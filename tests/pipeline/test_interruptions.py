"""Whole runs that are killed, interrupted or doubled: nothing torn is left, and the next run gives the same bytes."""

import contextlib
import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil  # DVC needs it as well
import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ("ionsieve", "features", "models", "pipeline", "dvc.yaml", ".dvcignore")
MADE = ("interim", "processed", "models", "shortlists")
START = "before the first stage"
LONGEST_SECONDS = 4.0  # a stage of the small project takes about as long, most of it imports
INTERRUPTED = 130
SCREEN = [sys.executable, "-m", "ionsieve.pipeline.lanes"]  # what `make screen` runs
Disturbance = Callable[[subprocess.Popen], None]
BEGUN = re.compile(r" *\d+ s  ([\w@]+)\n|Running stage '([\w@]+)':\n")  # as lanes put it, as DVC does


def with_dvc(project):
    """The small project with the code beside it and a DVC of its own, as `make screen` finds them."""
    for name in CODE:  # compiled modules and kernels come along, their times are kept
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, project.folder / name, **({"symlinks": True} if source.is_dir() else {}))
    for words in (
        ["init", "--no-scm"],
        ["config", "core.analytics", "false"],
        ["config", "core.check_update", "false"],
    ):
        subprocess.run(["dvc", *words, "--quiet"], cwd=project.folder, env=environment(project), check=True)
    return project


def environment(project) -> dict[str, str]:
    commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    ours = {"PATH": commands, "PYTHONPATH": str(project.folder), "PYTHONUNBUFFERED": "1"}
    return os.environ | ours | {"MLFLOW_DISABLE_TELEMETRY": "true"}


def started(project, command: Sequence[str] = SCREEN) -> subprocess.Popen:
    """A run of the pipeline in a process group of its own."""
    return subprocess.Popen(
        command,
        cwd=project.folder,
        env=environment(project),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )


def stages_begun(run: subprocess.Popen, said: list[str]) -> Iterator[str]:
    """Stages as their lines come; all that is printed is kept."""
    assert run.stdout is not None
    for line in run.stdout:
        said.append(line)
        if found := BEGUN.fullmatch(line):
            yield found[1] or found[2]


def kill(run: subprocess.Popen) -> None:
    """kill -9 for the run and all below it: its lanes lead groups of their own."""
    family = [psutil.Process(run.pid)]
    family += family[0].children(recursive=True)
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def interrupt(run: subprocess.Popen) -> None:
    """ctrl-C: the terminal's whole group hears it."""
    os.killpg(run.pid, signal.SIGINT)


def made(project) -> dict[str, bytes]:
    """Every output by path; what bears a leading point is being written, or was when a run died."""
    files = [file for name in MADE for file in (project.folder / "data" / name).rglob("*") if file.is_file()]
    return {str(file.relative_to(project.folder)): file.read_bytes() for file in files if file.name[0] != "."}


def half_written(project) -> list[Path]:
    return [file for name in MADE for file in (project.folder / "data" / name).rglob(".*") if file.is_file()]


def disturb(
    project, command: Sequence[str], wanted: set[str], draw: random.Random, how: Disturbance
) -> tuple[int, str]:
    """One run, ended a moment after the first of the stages wanted has begun, which is taken off them."""
    run, said, waits = started(project, command), list[str](), True
    for stage in itertools.chain([START], stages_begun(run, said)):
        if waits and stage in wanted:  # what it prints later is read to the end
            waits = False
            wanted.remove(stage)
            time.sleep(draw.uniform(0, LONGEST_SECONDS))
            if run.poll() is None:
                how(run)
    return run.wait(), "".join(said)


def run_whole(project, command: Sequence[str] = SCREEN) -> str:
    run = started(project, command)
    said, _ = run.communicate()
    assert run.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, project_at) -> dict[str, bytes]:
    """What one run makes that nothing disturbs."""
    project = with_dvc(project_at(tmp_path_factory.mktemp("undisturbed")))
    run_whole(project)
    return made(project)


def hold(
    project,
    expected: dict[str, bytes],
    wanted: set[str],
    how: Disturbance,
    *,
    seed: int,
    command: Sequence[str] = SCREEN,
) -> list[tuple[int, str]]:
    """Disturb runs in all stages wanted, each going on where the last stopped; one more gives what is expected."""
    ends, draw = [], random.Random(seed)
    while wanted:
        ends.append(disturb(project, command, wanted, draw, how))
        torn = {path for path, content in made(project).items() if content != expected.get(path)}
        assert not torn, f"{len(ends)} disturbed: {torn}"
        if how is interrupt:
            assert half_written(project) == []
        if wanted and ends[-1][0] == 0:  # those wanted ended while another was waited for: begin anew
            for name in MADE:
                shutil.rmtree(project.folder / "data" / name, ignore_errors=True)
            shutil.rmtree(project.folder / ".dvc/cache", ignore_errors=True)
            (project.folder / "dvc.lock").unlink()
    run_whole(project, command)
    assert made(project) == expected
    return ends


def all_stages(project) -> set[str]:
    return {START, *project.stages(), "track"}  # twenty


def test_a_stage_that_is_killed_and_then_interrupted_gives_the_same_bytes(project, finished):
    # two stages of DVC alone: the whole of it, twenty kills and an interruption in every stage, takes minutes
    project, command = with_dvc(project), ["dvc", "repro", "--single-item", "phases", "candidates"]
    # what was set aside names its file by the folder it lies in
    paths = [path for name in command[3:] for path in finished.stages()[name].outs if path.endswith(".parquet")]
    outs = {path: (finished.folder / path).read_bytes() for path in paths}
    draw = random.Random(22)
    for stage, how, codes in (
        ("phases", kill, {-signal.SIGKILL}),
        ("candidates", interrupt, {-signal.SIGINT, 252, 255}),
    ):
        code, said = disturb(project, command, {stage}, draw, how)
        assert code in {*codes, 0}, said  # 0: it had ended
        assert {path: made(project)[path] for path in outs.keys() & made(project).keys()}.items() <= outs.items()
    run_whole(project, command)
    assert {path: made(project)[path] for path in outs} == outs


@pytest.mark.slow
def test_twenty_kills_in_all_stages_lose_nothing(project, undisturbed):
    hold(with_dvc(project), undisturbed, all_stages(project), kill, seed=20)


@pytest.mark.slow
def test_ctrl_c_in_every_stage_is_one_sentence_and_loses_nothing(project, undisturbed):
    stages = all_stages(project) - {START}
    for code, said in hold(with_dvc(project), undisturbed, stages, interrupt, seed=21):
        if code == 0:  # the stage had ended, and it was the last
            continue
        assert code == INTERRUPTED, said
        assert "Traceback" not in said
        assert said.rstrip().endswith("Interrupted; nothing half-written is left. Run again to go on.")


@pytest.mark.slow
def test_a_second_run_names_the_first_which_goes_on_unharmed(project, undisturbed):
    first = started(with_dvc(project))
    begun = stages_begun(first, [])
    next(begun)
    second = started(project)
    said, _ = second.communicate()
    assert second.returncode == 1
    assert f"Another run works in this folder: process {first.pid} (" in said
    assert "ionsieve.pipeline.lanes). Wait for it, or end it." in said
    assert "Traceback" not in said
    for _ in begun:
        pass
    assert first.wait() == 0
    assert made(project) == undisturbed
