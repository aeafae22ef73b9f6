import gc
from collections import Counter

import pytest
from mmengine.device import utils as device_utils
from mmengine.registry import init_default_scope

from tests import tiny
from tests.processes import make_mmengine_fast

make_mmengine_fast()


def pytest_collection_modifyitems(items):
    """Files with slow tests first, then those with most tests.

    So that with `-n` no worker runs a slow file alone at the end; xdist's own
    order is by the number of tests.
    """
    counts = Counter(item.path for item in items)
    slow = {i.path for i in items if i.get_closest_marker('slow')}
    items.sort(key=lambda i: (i.path not in slow, -counts[i.path]))


def pytest_collection_finish():
    """Leave what was imported out of garbage collections."""
    gc.freeze()


@pytest.fixture(autouse=True)
def mmseg_scope():
    """Names without a prefix are MMSeg's, whatever Runner was before."""
    init_default_scope('mmseg')


@pytest.fixture
def on_cpu(monkeypatch):
    """A Runner of this test stays on the CPU, where there is a GPU too.

    For comparisons to the last digit, and with what is computed on the CPU.
    """
    monkeypatch.setattr(device_utils, 'DEVICE', 'cpu')


@pytest.fixture
def tiny_root(tmp_path):
    """A folder with the tiny data set."""
    tiny.make_dataset(tmp_path / 'tiny')
    return tmp_path / 'tiny'
