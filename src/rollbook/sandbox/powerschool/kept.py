"""What a simulated PowerSchool keeps in a file, so that it can be switched off and later goes on where it was."""

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from zipfile import ZipFile

import polars as pl

from rollbook.sandbox.powerschool.installed import Installed, Plugins
from rollbook.sandbox.powerschool.system import System

_STATE, _TABLE = "state.json", ".parquet"
_OF_A_PLUGIN = ("number", "filename", "enabled", "client_id", "client_secret", "v1_level", "page_sizes")


@dataclass(frozen=True)
class Kept:
    """A PowerSchool at one moment: tables, day, and plugins with their credentials. Faults, tokens and the log are not kept."""

    tables: Mapping[str, pl.DataFrame]
    state: Mapping[str, Any]
    packages: Mapping[int, bytes]

    @classmethod
    def of(cls, system: System) -> Self:
        """Take down what a system is now."""
        plugins = [
            {name: getattr(each, name) for name in _OF_A_PLUGIN}
            | {"granted": [[*field, access] for field, access in each.granted.items()]}
            for each in system.plugins
        ]
        state = {
            "day": system.day,
            "ahead": system.clock.ahead.total_seconds(),
            "interval": system.minimum_interval_ms,
            "next": system.plugins.next,
            "plugins": plugins,
        }
        return cls(system.database.frames, state, {each.number: each.content for each in system.plugins})

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read what was written."""
        with ZipFile(file) as archive:
            state = json.loads(archive.read(_STATE))
            names = [name for name in archive.namelist() if name.endswith(_TABLE)]
            tables = {name.removesuffix(_TABLE): pl.read_parquet(io.BytesIO(archive.read(name))) for name in names}
            packages = {each["number"]: archive.read(str(each["number"])) for each in state["plugins"]}
        return cls(tables, state, packages)

    def write(self, file: Path) -> None:
        """Write it in one piece, in the place of what was there; for its owner alone, since credentials are in it."""
        half = file.with_name(f".{file.name}")
        with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw, ZipFile(raw, "w") as archive:
            archive.writestr(_STATE, json.dumps(self.state))
            for number, package in self.packages.items():
                archive.writestr(str(number), package)
            for name, frame in self.tables.items():
                packed = io.BytesIO()
                frame.write_parquet(packed)
                archive.writestr(f"{name}{_TABLE}", packed.getvalue())
        os.replace(half, file)

    def give(self, system: System) -> None:
        """Make a system with the same tables what it was."""
        system.day = self.state["day"]
        system.clock.ahead = timedelta(seconds=self.state["ahead"])
        system.minimum_interval_ms = self.state["interval"]
        system.plugins = Plugins(map(self._plugin, self.state["plugins"]), self.state["next"])

    def _plugin(self, state: Mapping[str, Any]) -> Installed:
        made = Installed.of(state["number"], state["filename"], self.packages[state["number"]])
        for name in _OF_A_PLUGIN:
            setattr(made, name, state[name])
        made.granted = {(table, field): access for table, field, access in state["granted"]}
        return made
