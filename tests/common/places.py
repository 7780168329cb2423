"""Where the project's own data lie."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "data" / "reference"
CRYSTALS = REFERENCE / "crystals"
