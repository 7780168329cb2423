"""What people and machines are told to call exists: hooks, workflow, image, and the paths that the guides name."""

import os
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GUIDES = ("CONTRIBUTING.md", "docs/architecture.md")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def make_targets() -> set[str]:
    return set(re.findall(r"^([.\w/-]+):(?!=)", text("Makefile"), re.MULTILINE))


def called_targets(commands: str) -> set[str]:
    return set(re.findall(r"(?:^|[`\s&])make ([.\w/-]+)", commands, re.MULTILINE))


def test_the_workflow_calls_the_gate_on_every_python_supported() -> None:
    job = yaml.safe_load(text(".github/workflows/ci.yml"))["jobs"]["gate"]
    assert job["steps"][-1]["run"] == ".ci/run"
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert called_targets(text(".ci/run")) <= make_targets()
    matrix = job["strategy"]["matrix"]
    # requires-python = ">=3.11,<3.14"
    assert tomllib.loads(text("pyproject.toml"))["project"]["requires-python"] == ">=3.11,<3.14"
    assert matrix["python"] == ["3.11", "3.12", "3.13"]
    assert {"os": "macos-latest", "python": "3.11"} in matrix["include"]


def test_hooks_run_the_tools_of_the_dev_group() -> None:
    hooks = [h for repo in yaml.safe_load(text(".pre-commit-config.yaml"))["repos"] for h in repo["hooks"]]
    tools = {Path(shlex.split(hook["entry"])[0]).name for hook in hooks}
    assert tools == {"ruff", "mypy"}
    assert tools <= set(tomllib.loads(text("pyproject.toml"))["dependency-groups"]["dev"])
    assert all(hook["language"] == "system" and hook["entry"].startswith(".venv/bin/") for hook in hooks)


def test_the_image_runs_the_pipeline() -> None:
    steps = [line.removeprefix("RUN ") for line in text("Dockerfile").splitlines() if line.startswith("RUN ")]
    assert "make screen" in steps
    assert called_targets("\n".join(steps)) <= make_targets()
    # what is copied must not bring results or an environment of another machine
    assert {".venv/", "data/interim/", "data/shortlists/"} <= set(text(".dockerignore").split())


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guides_name_what_exists(guide: str) -> None:
    said = text(guide)
    assert called_targets(said) <= make_targets()
    targets = (ROOT / guide).parent
    links = [link for link in re.findall(r"\]\(([^)]+)\)", said) if "://" not in link]
    assert [link for link in links if not (targets / link).exists()] == []
    made = ("data/processed/", "pipeline/sources/NAME", "pipeline/stages/NAME")
    folders = "features|models|pipeline|tests|data|funnels|docs"
    paths = [path for path in re.findall(rf"`((?:{folders})/[\w./-]*)`", said) if not path.startswith(made)]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
