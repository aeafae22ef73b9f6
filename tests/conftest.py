import os

import pytest

if os.environ.get('MMSEG_WSSS_STUB_OPS'):
    from tests import stub_mmcv_ops

    stub_mmcv_ops.install()

from tests import tiny


@pytest.fixture
def tiny_root(tmp_path):
    """A folder with the tiny data set."""
    tiny.make_dataset(tmp_path / 'tiny')
    return tmp_path / 'tiny'
