"""`pulseops doctor`: what keeps PulseOps from running here, and what to do about it."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from pulseops.rulebook.loader import load_rulebook
from pulseops.rulebook.problems import RulebookInvalid
from pulseops.settings import Settings
from pulseops.up.processes import CannotStart
from pulseops.up.voice import Voice


def examine(settings: Settings, home: Path | None, *, json: bool) -> int:
    raise NotImplementedError
