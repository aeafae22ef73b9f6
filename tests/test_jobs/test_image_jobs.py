"""The loop over images: files of a class subset, GPU workers, errors."""

from types import SimpleNamespace

import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from mmseg_wsss import LoadCAM
from mmseg_wsss.datasets.mask_checks import MaskCheck
from mmseg_wsss.evaluation import label_summary
from mmseg_wsss.evaluation.label_summary import summarise_labels
from mmseg_wsss.io.cam import load_cam
from mmseg_wsss.io.labels import label_reader
from mmseg_wsss.jobs import image_loop
from mmseg_wsss.jobs.image_loop import run_images
from mmseg_wsss.jobs.image_pipeline import ImagePipeline
from mmseg_wsss.jobs.refinement import Refinement, refine_images
from tests import tiny


@DATASETS.register_module(force=True)
class _FourClasses(BaseSegDataset):
    METAINFO = dict(classes=tiny.CLASSES, palette=tiny.PALETTE)


@TRANSFORMS.register_module(force=True)
class _Fixed(BaseTransform):
    """The same scores for every image, or an error."""

    device = 'cpu'

    def __init__(self, background_index=0, fails=()):
        self.background_index = background_index
        self.fails = fails
        self.prepared = False

    def prepare(self, metainfo):
        self.prepared = True

    def transform(self, results):
        assert 'seg_map_path' not in results  # no mask is read
        stem = results['img_path'].split('/')[-1].split('.')[0]
        if stem in self.fails:
            raise KeyError('surprise')
        scores = np.zeros((2, 32, 32), np.float32)
        scores[0, :, :16], scores[1, :, 16:] = 0.9, 0.6
        label = np.array([0, 2], np.uint8)[scores.argmax(0)]
        label[0], label[1] = 255, 254
        return dict(
            results,
            scores=scores,
            score_classes=np.array([0, 2]),
            background_index=self.background_index,
            pseudo_label=label,
        )


@pytest.fixture
def make(tmp_path):
    """Builds a Refinement on a subset of the classes in another order."""
    tiny.make_dataset(tmp_path, count=5)

    def build(classes=('background', 'blue', 'red'), **options):
        dataset = _FourClasses(
            metainfo=dict(
                classes=classes,
                palette=[tiny.PALETTE[tiny.CLASSES.index(k)] for k in classes],
            ),
            data_prefix=dict(
                img_path=str(tmp_path / 'images'),
                seg_map_path=str(tmp_path / 'masks'),
            ),
            img_suffix='.png',
            seg_map_suffix='.png',
            ann_file=str(tmp_path / 'list.txt'),
            pipeline=[],
        )
        return Refinement(
            dataset,
            [f'img_{k}' for k in range(5)],
            [dict(type='_Fixed', **options)],
            tmp_path / 'out' / 'labels',
            tmp_path / 'out' / 'cams',
        )

    return build


def test_files_hold_the_full_list_of_classes(make, tmp_path):
    work = make()
    assert work.pipeline.transforms[0].prepared
    assert refine_images(work, range(5)) == {}
    path = tmp_path / 'out' / 'labels' / 'img_3.png'
    written = np.array(Image.open(path))
    assert set(np.unique(written)) == {0, 1, 254, 255}  # red is class 1
    read = label_reader(work.dataset)(path)
    assert set(np.unique(read[2:])) == {0, 2}  # and class 2 of those in use
    classes, scores = load_cam(tmp_path / 'out' / 'cams' / 'img_3.npz')
    assert classes.tolist() == [1] and scores.shape == (1, 8, 8)
    record = work.load_record(3)
    record.update(
        img=np.zeros((32, 32, 3), np.uint8), image_labels=np.array([1, 0, 1])
    )
    again = LoadCAM(tmp_path / 'out' / 'cams')(record)
    assert again['score_classes'].tolist() == [2]


def test_without_background_every_class_is_saved(make, tmp_path):
    refine_images(make(background_index=None), [0])
    classes, _ = load_cam(tmp_path / 'out' / 'cams' / 'img_0.npz')
    assert classes.tolist() == [0, 1]


def test_an_unexpected_error_comes_with_its_traceback(make, tmp_path):
    errors = refine_images(make(fails=['img_1']), range(5))
    assert list(errors) == ['img_1']
    assert 'Traceback' in errors['img_1'] and 'surprise' in errors['img_1']
    assert len(list((tmp_path / 'out' / 'labels').iterdir())) == 4


@pytest.mark.parametrize('workers', [0, 1])
def test_an_image_without_a_record_costs_nothing_but_itself(make, workers):
    work = make()
    whole = work.dataset.get_data_info

    def get_data_info(index):
        if index == 1:
            raise KeyError('no such image')
        if index == 3:
            raise OSError('the annotations are gone')
        return whole(index)

    work.dataset.get_data_info = get_data_info
    errors = refine_images(work, range(5), workers)
    assert list(errors) == ['img_1', 'img_3']
    assert 'no such image' in errors['img_1']
    assert errors['img_3'] == 'img_3: the annotations are gone'


def test_arrays_come_back_as_arrays(make):
    """Tensors from workers would keep a file open each."""

    class Scores(ImagePipeline):
        def finish(self, stem, results):
            return results['scores']

    images = make()
    scores = Scores(images.dataset, images.stems, [dict(type='_Fixed')])
    for workers in (0, 1):
        found = [o.value for o in run_images(scores, range(3), workers)]
        assert all(type(value) is np.ndarray for value in found)


def test_gpu_workers_are_spawned(make, monkeypatch):
    """CUDA does not work in a forked process."""
    asked = []

    class Loader(list):
        def __init__(self, *args, multiprocessing_context, **kwargs):
            asked.append(multiprocessing_context)

    monkeypatch.setattr(image_loop, 'DataLoader', Loader)
    work = make()
    refine_images(work, range(5), num_workers=2)
    work.pipeline.transforms[0].device = 'cuda:0'
    refine_images(work, range(5), num_workers=2)
    refine_images(work, range(5), num_workers=0)
    assert asked == [None, 'spawn', None]


def test_a_dead_worker_is_told_with_its_images(make, monkeypatch):
    class Loader:
        prefetch_factor = 2

        def __init__(self, data, **kwargs):
            self.data = data

        def __iter__(self):
            yield self.data[0]
            raise RuntimeError('worker exited')

    monkeypatch.setattr(image_loop, 'DataLoader', Loader)
    with pytest.raises(RuntimeError, match=r'died .* images img_1, img_2'):
        refine_images(make(), range(5), num_workers=1)


def test_an_error_of_this_process_stays_what_it_is(make, monkeypatch):
    class Loader:
        prefetch_factor = None  # what torch has without workers

        def __init__(self, *args, **kwargs):
            pass

        def __iter__(self):
            raise RuntimeError('out of memory')

    monkeypatch.setattr(image_loop, 'DataLoader', Loader)
    with pytest.raises(RuntimeError, match=r'^out of memory$'):
        refine_images(make(), range(5), num_workers=0)


def test_summary_leaves_out_what_is_missing(make, tmp_path):
    work = make()
    refine_images(work, [0, 2])
    stems = work.stems
    labels = tmp_path / 'out' / 'labels'
    assert summarise_labels(labels, work.dataset, stems)['images'] == 2
    empty = summarise_labels(tmp_path / 'none', work.dataset, stems)
    assert empty['images'] == 0 and np.isnan(empty['mIoU'])
    (tmp_path / 'masks' / 'img_4.png').unlink()
    assert summarise_labels(labels, work.dataset, stems) is None


def test_a_rank_looks_at_its_own_masks_only(make, tmp_path, monkeypatch):
    work = make()
    refine_images(work, range(5))
    asked = []

    class Counted:
        metainfo = work.dataset.metainfo

        def __getattr__(self, name):
            return getattr(work.dataset, name)

        def get_data_info(self, index):
            asked.append(index)
            return work.dataset.get_data_info(index)

    monkeypatch.setattr(label_summary, 'get_rank', lambda: 1)
    monkeypatch.setattr(label_summary, 'get_world_size', lambda: 4)
    labels = tmp_path / 'out' / 'labels'
    assert summarise_labels(labels, Counted(), work.stems)['images'] == 1
    assert asked == [1]


def test_summary_compares_masks_with_image_labels(make, tmp_path):
    work = make()
    refine_images(work, range(5))
    labels = tmp_path / 'out' / 'labels'

    def load(wrong):
        """Image labels of the masks, but those of some images swapped."""
        read = label_reader(work.dataset)

        def load_labels(info):
            shown = np.isin(np.arange(3), read(info['seg_map_path']))
            stem = info['img_path'].split('/')[-1].split('.')[0]
            if stem in wrong:
                shown[1:] = ~shown[1:]
            return dict(info, image_labels=shown, background_index=0)

        return load_labels

    result = summarise_labels(labels, work.dataset, work.stems, load([]))
    assert result['images'] == 5 and result['no_mask'] == []
    one = load(['img_0'])
    assert summarise_labels(labels, work.dataset, work.stems, one) is not None
    with pytest.raises(ValueError, match='label maps show classes that'):
        summarise_labels(labels, work.dataset, work.stems, load(work.stems))


def test_summary_knows_the_background(make, tmp_path, monkeypatch):
    asked = []

    def check(classes, background):
        asked.append(background)
        return MaskCheck(classes, background)

    monkeypatch.setattr(label_summary, 'MaskCheck', check)
    for classes in (('blue', 'red', 'background'), ('blue', 'red')):
        work = make(classes)
        load = SimpleNamespace(background_index=0)
        summarise_labels(tmp_path / 'none', work.dataset, work.stems, load)
    assert asked == [2, 2, None, None]
