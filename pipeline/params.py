"""Parameters as a person wrote them: blocks of a params.yaml, and choices by name."""

from pathlib import Path
from typing import Any, TypeVar

import yaml

from ionsieve.pipeline.tables import InputError

T = TypeVar("T")


def load_params(path: Path | str) -> dict[str, Any]:
    """All blocks of a params file.

    Raises:
        InputError: If the file is missing, not valid YAML, or holds no blocks.
    """
    try:
        blocks = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing. Run from the project's root, or restore it with git.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(blocks, dict):
        raise InputError(f"{path} holds no blocks: `stage:` with its parameters below is expected.")
    return blocks


def choose(options: dict[str, T], name: str, block: str) -> T:
    """The entry of a plain dict that params.yaml names."""
    if name not in options:
        raise InputError(f"params.yaml, {block}: {name!r} is unknown. Choose one of {', '.join(options)}.")
    return options[name]
