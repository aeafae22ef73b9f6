"""The report: what its page holds, with all and with missing pieces."""

import html
import importlib.util
import json
import re
import shlex
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from PIL import Image

from mmseg_wsss.compat import load_config
from mmseg_wsss.io.labels import save_label
from mmseg_wsss.workflow.report import collect, render, write_report
from mmseg_wsss.workflow.report.images import Images
from mmseg_wsss.workflow.report.sections import full_shares
from tests import tiny
from tests.processes import run_python
from tests.test_tools.test_train_and_dump import ENV, ROOT, call
from tests.test_workflow.test_report import made_up

VOID = {'meta', 'link', 'img', 'br', 'wbr'}


class Page(HTMLParser):
    """A page's text and pictures; fails where tags are not balanced."""

    def __init__(self, content: str):
        super().__init__()
        self.open, self.words, self.images, self.tags = [], [], [], []
        self.feed(content)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        if tag == 'img':
            self.images.append(attrs)
        for name in ('src', 'href', 'srcset', 'action', 'data', 'xlink:href'):
            value = attrs.get(name)
            assert value is None or value.startswith('data:'), (tag, value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != 'style':
            self.words.append(data)

    @property
    def text(self):
        return ' '.join(' '.join(self.words).split())


def read(work: Path, **options) -> Page:
    content = write_report(work, **options).read_text(encoding='utf-8')
    page = Page(content)
    assert '://' not in content and '@import' not in content
    assert 'url(' not in content
    assert len(content.encode()) < 5_000_000
    assert all(image['alt'] for image in page.images)
    return page


@pytest.fixture
def work(tmp_path):
    return made_up.pipeline(tmp_path)


def naive_miou(pairs, classes=4) -> float:
    """Mean IoU in percent, class by class, without our code."""
    ious = []
    for k in range(classes):
        both = sum(int(((a == k) & (b == k)).sum()) for a, b in pairs)
        either = sum(int(((a == k) | (b == k)).sum()) for a, b in pairs)
        ious += [100 * both / either] if either else []
    return sum(ious) / len(ious)


def test_the_whole_page(work):
    page = read(work)
    root = work.parent / 'tiny'
    pairs = [
        (
            made_up.labels_of(root, k),
            np.array(Image.open(root / 'masks' / f'img_{k}.png')),
        )
        for k in range(6)
    ]
    expected = f'{naive_miou(pairs):.1f}'
    words = page.text
    assert f'cams finished 1 min 1 s 6 images {expected}' in words
    assert 'classifier finished 1 min 1 s validation 12.3 - - - -' in words
    assert 'segmentor finished 1 min 1 s+ - - -' in words
    assert 'evaluate finished 1 min 1 s 2 images 100.0 0.0 0.0' in words
    assert 'ocr off - - -' in words
    assert '5 of 5 finished' in words and '5 min 5 s' in words
    # Six images: the photo, two labels and the mask; two with a prediction.
    assert len(page.images) == 6 * 4 + 2 * 3
    assert all(i['src'].startswith('data:image/jpeg') for i in page.images)
    assert 'Validation at epoch 2: mIoU 10' in words
    for title in ('Confusion of', 'FP and FN', 'occur together', 'losses'):
        assert title in write_report(work).read_text()


def test_the_legend_names_what_is_shown(work):
    # Predictions and masks have no biased pixels, the debiased labels have.
    words = read(work).text
    assert words.count('biased (254)') == 1
    assert 'ignored (255)' not in words
    path = work / 'debias' / 'labels' / 'img_0.png'
    label = np.array(Image.open(path))
    save_label(path, np.full_like(label, 255), tiny.PALETTE)
    assert read(work).text.count('ignored (255)') == 1


def test_images_from_the_worst_to_the_best(work):
    content = collect(work, show=1)
    group = content.groups[0]
    assert [s.name for s in group.stages] == ['cams', 'debias']
    miou = group.measured['debias'].miou
    ranked = sorted(miou, key=lambda stem: (miou[stem], stem))
    chosen = {why: stem for stem, why in group.shown}
    assert chosen == {
        'worst': ranked[0],
        'middle': ranked[2],
        'best': ranked[-1],
    }
    assert {s for s, _ in content.groups[1].shown} == {'img_1', 'img_4'}


def test_measured_figures(work):
    group = collect(work).groups[0]
    found = group.measured['debias']
    label = made_up.labels_of(work.parent / 'tiny', 0)
    assert found.images == 6
    assert found.confusion.sum() == 6 * label.size
    # Biased pixels belong to no class.
    assert found.confusion[1:, -1].sum() > 0
    assert found.figures()['OC_image_rate'] == 0
    assert sum(found.figures()[k] for k in ('mIoU', 'FP', 'FN')) == (
        pytest.approx(100)
    )


def test_labels_out_of_the_candidates(work):
    """Image 0 is red: a green pixel is out, whatever the mask says."""
    path = work / 'cams' / 'labels' / 'img_0.png'
    label = np.array(Image.open(path))
    label[0, 0] = 2
    save_label(path, label, tiny.PALETTE)
    figures = collect(work).groups[0].measured['cams'].figures()
    assert figures['OC_image_rate'] == pytest.approx(100 / 6)


def test_a_segmentor_beside_one_on_true_masks(work):
    """Weak / full, where the upper mark was evaluated on the same images."""
    assert 'weak / full' not in read(work).text
    content = json.loads((work / 'pipeline.json').read_text())
    full = json.loads(json.dumps(content['stages'][-2]))
    assert full['name'] == 'evaluate'
    shutil.copytree(work / 'evaluate', work / 'evaluate_full')
    full.update(name='evaluate_full', method='full')
    content['stages'].insert(4, full)
    for name, miou in (('evaluate', 30.0), ('evaluate_full', 40.0)):
        record = {'figures': {'mIoU': miou}, 'seconds': 61.0}
        (work / name / 'stage.json').write_text(json.dumps(record))
    made_up.summary(work, content['stages'])
    words = read(work).text
    assert 'OC rate weak / full other' in words
    assert 'in percent of that of the stage trained on true masks' in words
    start = 'finished 1 min 1 s 2 images'
    assert f'evaluate {start} 30.0 0.0 0.0 100.0 0.0 75.0 -' in words
    assert f'evaluate_full {start} 40.0 0.0 0.0 100.0 0.0 - -' in words
    # Labels of training images are not compared with it.
    assert full_shares(collect(work)) == {'evaluate': 75}


def test_images_without_labels_are_not_counted(work):
    file = work.parent / 'tiny' / 'image_labels.json'
    labels = json.loads(file.read_text())
    del labels['img_5']
    file.write_text(json.dumps(labels))
    assert 'Image labels of 5 images (cams, debias)' in read(work).text


def test_few_of_many_images_are_compared(work):
    content = collect(work, max_images=2, seed=1)
    assert content.groups[0].measured['cams'].images == 2
    words = Page(render(content)).text
    assert 'Measured on 2 of the 6 images of cams, debias' in words
    again = collect(work, max_images=2, seed=1).groups[0]
    assert again.shown == content.groups[0].shown


def test_names_are_escaped(work):
    content = json.loads((work / 'pipeline.json').read_text())
    content['name'] = '<b>a & "b"</b>'
    content['stages'][0]['config'] = '<script>alert(1)</script>'
    (work / 'pipeline.json').write_text(json.dumps(content))
    for name in ('cams', 'debias'):
        config = work / name / 'config.py'
        text = config.read_text().replace("'red'", "'<i>red</i> & co'")
        config.write_text(text)
    labels = work.parent / 'tiny' / 'image_labels.json'
    labels.write_text(labels.read_text().replace('"red"', '"<i>red</i> & co"'))
    page = read(work)
    assert '<b>a & "b"</b>' in page.text
    # A path may break behind its slashes.
    assert '<script>alert(1)</ script>' in page.text
    assert '<i>red</i> & co' in page.text
    assert not {'script', 'i'} & set(page.tags)


def test_without_masks(work):
    for mask in (work.parent / 'tiny' / 'masks').iterdir():
        mask.unlink()
    page = read(work)
    assert 'There are no masks to compare with.' in page.text
    assert '6 images drawn at random' in page.text
    assert 'ground truth' not in page.text
    assert len(page.images) == 6 * 3 + 2 * 2
    assert 'cams finished 1 min 1 s 6 images - - - - -' in page.text


def test_stages_that_are_missing_or_failed(work):
    (work / 'segmentor' / 'stage.json').rename(
        work / 'segmentor' / 'begun.json'
    )
    (work / 'segmentor' / 'output.log').write_text(
        'first\n' * 40 + 'ValueError: <cat> is no dog\n'
    )
    config = work / 'evaluate' / 'config.py'
    config.write_text("custom_imports = dict(imports=['not_there'])")
    (work / 'debias' / 'config.py').unlink()
    stages = json.loads((work / 'pipeline.json').read_text())['stages']
    made_up.summary(work, stages)
    (work / 'cams' / 'labels' / 'img_2.png').unlink()
    page = read(work)
    assert 'segmentor stopped' in page.text
    assert 'segmentor did not finish' in page.text
    assert 'ValueError: <cat> is no dog' in page.text
    assert 'evaluate finished 1 min 1 s 2 images - - -' in page.text
    assert 'evaluate: its labels are not shown, as its config' in page.text
    assert 'not_there' in page.text
    assert 'debias: its labels are not shown, as it has no' in page.text
    assert '5 of 6' in page.text


@pytest.mark.parametrize('change', [{'record': None}, {'on': False}])
def test_files_of_an_older_run(work, change):
    """A stage that would run again, and one that is off now."""
    content = json.loads((work / 'pipeline.json').read_text())
    for stage in content['stages']:
        if stage['name'] in ('classifier', 'evaluate'):
            stage.update(change)
    (work / 'pipeline.json').write_text(json.dumps(content))
    content = collect(work)
    assert not content.curves
    assert [group.names for group in content.groups] == ['cams, debias']
    state = 'off' if 'on' in change else 'not reached'
    for name in ('classifier', 'evaluate'):
        assert f'{name} {state} - - - -' in Page(render(content)).text


def test_damaged_files(work):
    root = work.parent / 'tiny'
    (work / 'cams' / 'labels' / 'img_0.png').write_bytes(b'no picture')
    save_label(
        work / 'cams' / 'labels' / 'img_1.png',
        np.zeros((5, 5), int),
        tiny.PALETTE,
    )
    colours = np.zeros((32, 32, 3), np.uint8)
    Image.fromarray(colours).save(work / 'debias' / 'labels' / 'img_3.png')
    (root / 'images' / 'img_5.png').write_bytes(b'')
    page = read(work)
    assert 'cams: 2 images could not be compared' in page.text
    assert 'debias: 1 images could not be compared' in page.text
    assert 'img_5: the photo cannot be read' in page.text
    assert 'cannot be read' in page.text
    (root / 'list.txt').unlink()
    assert 'cams: its images cannot be read' in read(work).text


def test_wrong_calls(tmp_path):
    with pytest.raises(FileNotFoundError, match='no folder'):
        write_report(tmp_path / 'nowhere')
    with pytest.raises(ValueError, match='holds no stage'):
        write_report(tmp_path)
    with pytest.raises(ValueError, match='at least 1'):
        write_report(tmp_path, show=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('count', [2, 81])
def test_numbers_of_classes_and_sizes_of_images(tmp_path, count):
    """Noise of any size, and 81 classes: small enough all the same."""
    rng = np.random.default_rng(0)
    root, names = tmp_path, [f'class {k}' for k in range(count)]
    sizes = [(2, 3), (400, 300), (10, 900), (90, 120), (33, 47), (300, 400)]
    palette = rng.integers(0, 256, (count, 3)).tolist()
    for index, (height, width) in enumerate(sizes):
        cells = rng.integers(0, count, (height // 30 + 1, width // 30 + 1))
        label = np.kron(cells, np.ones((30, 30), int))[:height, :width]
        for folder in ('masks', 'work/cams/labels', 'work/refine/labels'):
            save_label(root / folder / f'img_{index}.png', label, palette)
            label = (label + (rng.random(label.shape) < 0.01)) % count
        photo = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        (root / 'images').mkdir(exist_ok=True)
        Image.fromarray(photo).save(root / 'images' / f'img_{index}.png')
    (root / 'list.txt').write_text('\n'.join(f'img_{k}' for k in range(6)))
    cfg = tiny.config(root, tiny.cam_head(), root / 'x', masks='masks')
    dataset = cfg.test_dataloader.dataset
    dataset.metainfo = dict(classes=names, palette=palette)
    dataset.pipeline = []
    cfg.tta_pipeline = cfg.train_dataloader = None
    stages = [
        made_up.stage(root / 'work', name, 'make_cams.py', cfg)
        for name in ('cams', 'refine')
    ]
    made_up.summary(root / 'work', stages)
    page = read(root / 'work')
    assert len(page.images) == 6 * 4
    assert f'class {count - 1}' in page.text


class TestPredictions:
    def images(self, root, **options):
        tiny.make_dataset(root / 'tiny')
        cfg = tiny.config(root / 'tiny', tiny.cam_head(), root / 'x')
        cfg.test_dataloader.dataset.update(options)
        return Images(cfg)

    def test_reduced_labels(self, tmp_path):
        """IoUMetric writes classes from 1 on; 0 is nothing."""
        images = self.images(tmp_path, reduce_zero_label=True)
        label = np.array([[0, 1], [2, 4]], np.uint8)
        Image.fromarray(label).save(tmp_path / 'p.png')
        found = images.read_label(tmp_path / 'p.png', predicted=True)
        assert found.tolist() == [[255, 0], [1, 3]]

    def test_a_part_of_the_classes(self, tmp_path):
        """IoUMetric writes the classes in use, labels are as masks are."""
        meta = dict(classes=('background', 'blue'), palette=[[0] * 3] * 2)
        images = self.images(tmp_path, metainfo=meta)
        images._read = lambda path: np.array([[1]])
        Image.fromarray(np.array([[1]], np.uint8)).save(tmp_path / 'p.png')
        found = images.read_label(tmp_path / 'p.png', predicted=True)
        assert found.tolist() == [[1]]


def test_tool_as_a_process(work):
    output = call('tools/report.py', work, '--out', work / 'page.html')
    assert 'page.html: 0.' in output
    assert 'tiny' in Page((work / 'page.html').read_text()).text


def test_tool_says_what_is_wrong(tmp_path, monkeypatch):
    path = ROOT / 'tools' / 'report.py'
    spec = importlib.util.spec_from_file_location('report_tool', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr('sys.argv', ['report.py', str(tmp_path / 'no')])
    with pytest.raises(SystemExit, match='error: there is no folder'):
        module.main()


class TestUseTheSegmentor:
    """The last section: commands with the paths of the segmentor."""

    def finish(self, work):
        """Let the segmentor leave a checkpoint that evaluate reads."""
        record = work / 'segmentor' / 'stage.json'
        content = json.loads(record.read_text())
        content['outputs'] = {'checkpoint': {'path': 'epoch_9.pth'}}
        record.write_text(json.dumps(content))
        (work / 'segmentor' / 'epoch_9.pth').write_bytes(b'')
        stages = json.loads((work / 'pipeline.json').read_text())['stages']
        for stage in stages:
            if stage['name'] == 'evaluate':
                stage['upstream'] = ['segmentor']
        made_up.summary(work, stages)

    def commands(self, work):
        text = write_report(work).read_text(encoding='utf-8')
        _, _, section = text.rpartition('<section><h2>')
        if not section.startswith('Use the segmentor'):
            return []
        return [
            shlex.split(html.unescape(command))
            for command in re.findall('<pre[^>]*>(.*?)</pre>', section)
        ]

    def test_the_commands_run(self, tmp_path):
        work = made_up.pipeline(tmp_path)
        work = work.rename(tmp_path / "the user's work")
        assert not self.commands(work)
        self.finish(work)
        (python, tool, config, checkpoint, photos, *out), export = (
            self.commands(work)
        )
        assert python == 'python'
        assert Path(tool) == ROOT / 'tools' / 'segment_photos.py'
        assert Path(config) == work / 'segmentor' / 'config.py'
        assert Path(checkpoint) == work / 'segmentor' / 'epoch_9.pth'
        assert (photos, *out) == ('new_photos', '--out-dir', 'segmented')
        # With a real checkpoint and real photos they run as they are.
        model = MODELS.build(load_config(config).model)
        meta = dict(classes=tiny.CLASSES, palette=tiny.PALETTE)
        content = dict(state_dict=model.state_dict())
        content['meta'] = dict(dataset_meta=meta)
        torch.save(content, checkpoint)
        photo = tmp_path / 'tiny' / 'images' / 'img_0.png'
        (tmp_path / photos).mkdir()
        shutil.copy(photo, tmp_path / photos)
        result = run_python(
            [tool, config, checkpoint, photos, *out], tmp_path, ENV
        )
        assert result.returncode == 0, result.stderr
        assert (tmp_path / 'segmented' / 'masks' / 'img_0.png').is_file()
        assert Path(export[1]) == ROOT / 'tools' / 'export_onnx.py'
        assert export[2:4] == [config, checkpoint]
        assert export[4:] == ['--out', 'model.onnx']

    def test_not_the_one_on_true_masks(self, work):
        self.finish(work)
        shutil.copytree(work / 'segmentor', work / 'full')
        stages = json.loads((work / 'pipeline.json').read_text())['stages']
        full = dict(stages[3], name='full', method='full')
        tested = dict(stages[4], name='evaluate_full', upstream=['full'])
        made_up.summary(work, [*stages, full, tested])
        for command in self.commands(work):
            assert f'{work}/segmentor/epoch_9.pth' in command

    def test_without_a_checkpoint_or_config(self, work):
        self.finish(work)
        assert self.commands(work)
        (work / 'segmentor' / 'epoch_9.pth').unlink()
        assert not self.commands(work)
        self.finish(work)
        (work / 'segmentor' / 'config.py').unlink()
        assert not self.commands(work)
