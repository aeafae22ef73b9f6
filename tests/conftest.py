import pytest

from tests import tiny


@pytest.fixture
def tiny_root(tmp_path):
    """A folder with the tiny data set."""
    tiny.make_dataset(tmp_path / 'tiny')
    return tmp_path / 'tiny'
