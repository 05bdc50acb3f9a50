"""The promises of every connector, kept over each version, from a folder and from a ZIP."""

from pathlib import Path

import pytest

from rollbook.connectors.oneroster.connector import OneRosterCsv
from rollbook.connectors.testing import ConnectorPromises
from tests.connectors.oneroster import bundles


class TestFolderOf11(ConnectorPromises):
    version, zipped = "1.1", False

    @pytest.fixture(autouse=True)
    def package(self, tmp_path: Path) -> None:
        files = bundles.texts(self.version)
        self.path = bundles.write_zip(tmp_path / "x.zip", files) if self.zipped else bundles.write(tmp_path / "x", files)

    def connector(self) -> OneRosterCsv:
        return OneRosterCsv(OneRosterCsv.Config(path=str(self.path)))


class TestFolderOf12(TestFolderOf11):
    version = "1.2"


class TestZipOf11(TestFolderOf11):
    zipped = True


class TestZipOf12(TestFolderOf11):
    version, zipped = "1.2", True
