"""tools/extract_features.py as a process: ranks, restart, bad input."""

import importlib.util
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmseg_wsss.io.features import load_features
from mmseg_wsss.jobs import disk_space
from mmseg_wsss.jobs.disk_space import feature_bytes, free_bytes, readable
from mmseg_wsss.jobs.feature_extraction import (
    build_extractor,
    extraction_settings,
)
from mmseg_wsss.jobs.tool_setup import describe_checkpoints
from tests import tiny
from tests.test_tools.test_train_and_dump import ROOT, call, files

TOOL = 'tools/extract_features.py'
COUNT = 7


@pytest.fixture
def data(tmp_path):
    """A data set of JPEGs of several sizes, and a config."""
    root = tmp_path / 'tiny'
    tiny.make_dataset(root, count=COUNT)
    for index, path in enumerate(sorted((root / 'images').glob('*.png'))):
        image = Image.open(path).resize((32 + 4 * index, 30))
        image.save(path.with_suffix('.jpg'), quality=95)
        path.unlink()
    cfg = tiny.config(root, tiny.cam_head(), tmp_path / 'work')
    cfg.log_level = 'INFO'
    cfg.test_dataloader.dataset.img_suffix = '.jpg'
    cfg.feature_extractor = dict(type='mmseg_wsss.ColourTextureFeatures')
    cfg.feature_extraction = dict(scales=[1.0, 0.5], stride=4)
    cfg.dump(tmp_path / 'features.py')
    return tmp_path


def run(folder, out, *options, ranks=1, fails=False):
    launcher = ('--launcher', 'pytorch') if ranks > 1 else ()
    options = ('--out-dir', folder / out, '--device', 'cpu', *options)
    config = folder / 'features.py'
    return call(TOOL, config, *options, *launcher, ranks=ranks, fails=fails)


def test_writes_all_and_goes_on(data):
    """One rank's files, two ranks' with workers, and a stopped run's."""
    output = run(data, 'one')
    assert f'0 of {COUNT} images are done, {COUNT} to do, 69' in output
    assert 'per minute' in output and 'are free' in output
    whole = files(data / 'one')
    assert len(whole) == COUNT + 2  # source.json and an empty failures.json
    features = load_features(data / 'one' / 'features' / 'img_3.npy')
    assert features.shape == (69, 8, 11)
    # Told beforehand: 2 bytes per value, and headers.
    paths = sorted((data / 'tiny' / 'images').glob('*.jpg'))
    written = sum(len(v) for k, v in whole.items() if k.suffix == '.npy')
    assert feature_bytes(paths, 69, 4) == written
    assert f'take about {readable(written)}' in output

    run(data, 'two', '--num-workers', '2', ranks=2)
    assert files(data / 'two') == whole

    # As a run leaves it that is killed while it writes.
    folder = data / 'one' / 'features'
    for stem in ('img_2', 'img_5'):
        (folder / f'{stem}.npy').unlink()
    (folder / '.img_5.1.tmp.npy').write_bytes(b'half a file')
    before = (folder / 'img_0.npy').stat().st_mtime_ns
    output = run(data, 'one')
    assert f'{COUNT - 2} of {COUNT} images are done, 2 to do' in output
    assert files(data / 'one') == whole
    assert (folder / 'img_0.npy').stat().st_mtime_ns == before


def test_bad_images_cost_nothing_but_themselves(data):
    images = data / 'tiny' / 'images'
    whole = (images / 'img_0.jpg').read_bytes()
    (images / 'img_0.jpg').write_bytes(whole[: len(whole) // 2])
    (images / 'img_1.jpg').unlink()
    output = run(data, 'out', '--num-workers', '2', '--amp', fails=True)
    assert '2 images failed' in output
    failures = json.loads((data / 'out' / 'failures.json').read_text())
    assert list(failures) == ['img_0', 'img_1']
    assert 'truncated' in failures['img_0'].lower()
    assert 'img_1.jpg' in failures['img_1']
    assert len(list((data / 'out' / 'features').iterdir())) == COUNT - 2


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('tool', ROOT / TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(tool, monkeypatch, folder, *options):
    arguments = [str(folder / 'features.py'), '--device', 'cpu']
    arguments += ['--out-dir', str(folder / 'out'), *options]
    monkeypatch.setattr('sys.argv', ['extract_features.py', *arguments])
    tool.main()


def test_refuses_other_settings(tool, data, monkeypatch):
    with pytest.raises(SystemExit, match=r'^0$'):
        main(tool, monkeypatch, data)
    one = files(data / 'out' / 'features')
    options = ('--cfg-options', 'feature_extraction.scales=[1.0]')
    with pytest.raises(SystemExit, match='another feature_extraction'):
        main(tool, monkeypatch, data, *options)
    assert files(data / 'out' / 'features') == one
    with pytest.raises(SystemExit, match=r'^0$'):
        main(tool, monkeypatch, data, *options, '--overwrite')
    other = files(data / 'out' / 'features')
    assert other.keys() == one.keys() and other != one
    with pytest.raises(SystemExit, match='another --amp'):
        main(tool, monkeypatch, data, *options, '--amp')


def test_a_changed_checkpoint_is_another_source(tmp_path):
    checkpoint = tmp_path / 'a.pth'
    checkpoint.write_bytes(b'one')
    init_cfg = dict(type='Pretrained', checkpoint=str(checkpoint))
    config = dict(backbone=dict(type='ResNet', init_cfg=init_cfg))
    source = describe_checkpoints(config)
    assert list(source) == [f'checkpoint {checkpoint}']
    assert source == describe_checkpoints(config)
    checkpoint.write_bytes(b'another')
    assert source != describe_checkpoints(config)


def test_refuses_what_does_not_fit_on_the_disk(tool, data, monkeypatch):
    monkeypatch.setattr(disk_space, 'free_bytes', lambda folder: 1000)
    with pytest.raises(SystemExit, match='make room'):
        main(tool, monkeypatch, data)
    assert not (data / 'out').exists()


@pytest.mark.parametrize(
    ('option', 'error'),
    [
        ('feature_extractor.type=NoSuch', 'feature_extractor: .*NoSuch'),
        ('feature_extractor.colour=1', 'feature_extractor: .*colour'),
        ('feature_extraction.stride=0', 'stride must be'),
        ('feature_extraction.scale=1', 'no setting scale: it takes scales'),
        ('feature_extraction.scales=[]', 'scales must be positive'),
        ('test_dataloader.dataset.ann_file=none.txt', 'lists no image'),
    ],
)
def test_bad_configs(tool, data, monkeypatch, option, error):
    with pytest.raises(SystemExit, match=error):
        main(tool, monkeypatch, data, '--cfg-options', option)
    assert not (data / 'out').exists()


@pytest.mark.parametrize(
    ('shape', 'value', 'error'),
    [
        ((16, 3, 3, 3), 0, r'1 of 1 weights of TinyBackbone are not in'),
        ((8, 3, 3, 3), np.nan, r'1 tensors .* NaN .*conv\.weight'),
    ],
)
def test_a_checkpoint_of_another_network(
    tool, data, monkeypatch, shape, value, error
):
    file = data / 'other.pth'
    torch.save({'conv.weight': torch.full(shape, value + 0.0)}, file)
    config = Config.fromfile(data / 'features.py')
    init_cfg = dict(type='Pretrained', checkpoint=str(file))
    config.feature_extractor = dict(
        type='mmseg_wsss.BackboneFeatures',
        backbone=dict(type='TinyBackbone', init_cfg=init_cfg),
        size_divisor=4,
    )
    config.dump(data / 'features.py')
    with pytest.raises(SystemExit, match=error):
        main(tool, monkeypatch, data)
    assert not (data / 'out').exists()


def test_settings_and_extractor_alone():
    assert extraction_settings(None)['stride'] == 4
    assert extraction_settings(dict(stride=8))['flip'] is True
    with pytest.raises(ValueError, match='has no feature_extractor'):
        build_extractor(None)
    with pytest.raises(ValueError, match='is no FeatureExtractor'):
        build_extractor(dict(type='TinyBackbone'))


def test_disk_space(tmp_path, monkeypatch):
    assert free_bytes(tmp_path / 'not' / 'yet') > 0
    assert readable(999) == '999 B' and readable(1_234_000) == '1.2 MB'
    assert readable(5e15) == '5000.0 TB'
    paths = []
    for k, size in enumerate([(8, 8), (16, 8), (8, 8), (16, 8)]):
        paths.append(tmp_path / f'{k}.png')
        Image.fromarray(np.zeros((*size, 3), np.uint8)).save(paths[-1])
    bytes_of = [128 + 2 * 10 * cells for cells in (4, 8)]
    assert feature_bytes(paths, 10, 4) == 2 * sum(bytes_of)
    with monkeypatch.context() as patch:  # every second is looked at
        patch.setattr(disk_space, 'SAMPLED', 2)
        assert feature_bytes(paths, 10, 4) == 4 * bytes_of[0]
    paths[0].write_bytes(b'')
    assert feature_bytes(paths[:2], 10, 4) == 2 * bytes_of[1]
    assert feature_bytes([], 10, 4) == 0
