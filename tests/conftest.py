import os

import pytest
from mmengine.registry import init_default_scope

if os.environ.get('MMSEG_WSSS_STUB_OPS'):
    from tests import stub_mmcv_ops

    stub_mmcv_ops.install()

from tests import tiny


@pytest.fixture(autouse=True)
def mmseg_scope():
    """Names without a prefix are MMSeg's, whatever Runner was before."""
    init_default_scope('mmseg')


@pytest.fixture
def tiny_root(tmp_path):
    """A folder with the tiny data set."""
    tiny.make_dataset(tmp_path / 'tiny')
    return tmp_path / 'tiny'
