"""Bundles that the tests of the models share."""

import shutil

import pytest

from tests.models.bundles import write


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "whole"
    write(folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    """A bundle of one's own, to damage."""
    return shutil.copytree(whole, tmp_path / "bundle")
