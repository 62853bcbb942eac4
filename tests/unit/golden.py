"""Samples of every fact that was ever stored."""

from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent.parent / "samples" / "events"


SAMPLES = {path.stem: msgspec.json.decode(path.read_bytes()) for path in sorted(FOLDER.glob("*.json"))}
