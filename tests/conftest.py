import os

import pytest
from mmengine.registry import init_default_scope

if os.environ.get('MMSEG_WSSS_STUB_OPS'):
    from tests import stub_mmcv_ops

    stub_mmcv_ops.install()

from tests import tiny


@pytest.fixture(autouse=True, scope='session')
def mmseg_scope():
    """What a Runner sets first: names without a prefix are MMSeg's."""
    init_default_scope('mmseg')


@pytest.fixture
def tiny_root(tmp_path):
    """A folder with the tiny data set."""
    tiny.make_dataset(tmp_path / 'tiny')
    return tmp_path / 'tiny'
