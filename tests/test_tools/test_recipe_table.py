"""The table of settings beside the papers'."""

import importlib.util

import pytest

from tests.processes import ROOT

TOOL = ROOT / 'tools' / 'analysis_tools' / 'recipe_table.py'
PIPELINES = ROOT / 'configs' / 'pipelines'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('recipe_table', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows_of(text):
    """Read a table: {(stage, setting): {column: cell}}."""
    lines = [line for line in text.splitlines() if line.startswith('|')]
    cells = [
        [cell.strip() for cell in line.strip('|').split(' | ')]
        for line in lines
    ]
    header = cells[0]
    assert all(len(row) == len(header) for row in cells)
    return {
        (row[0], row[1]): dict(zip(header, row, strict=True))
        for row in cells[2:]
    }


def test_the_page_has_the_table_of_the_papers(tool, monkeypatch, capsys):
    monkeypatch.setattr('sys.argv', ['recipe_table.py', '--papers'])
    tool.main()
    table = capsys.readouterr().out
    assert table in (ROOT / 'docs' / 'results.md').read_text()
    known = {path.stem for path in PIPELINES.glob('*.py')}
    for name in known:
        listed = f'pipelines/{name}.py`' in table
        assert listed == name.startswith(('voc12', 'coco14')), name


def test_mars_and_its_baseline(tool):
    text = tool.table(PIPELINES / 'voc12_mars-irn.py')
    assert text.startswith('## voc12_mars-irn: MARS (ICCV 2023)')
    assert "Differs from the paper: STEGO's loss has" in text
    rows = rows_of(text)
    assert list(next(iter(rows.values()))) == [
        *('stage', 'setting', 'as it is', 'irn off', 'mars off', 'ocr on'),
        *('full on', 'paper'),
    ]
    network = rows['segmentor', 'network']
    assert network['as it is'] == 'ResNet-50 at stride 8, DeepLabV2Head'
    assert network['paper'] == 'DeepLabV2, ResNet-50'
    for setting in ('network', 'start', 'crop', 'scale', 'schedule', 'rates'):
        assert rows['segmentor', setting]['mars off'] == '='
    assert rows['segmentor', 'crop']['as it is'] == '512 x 512'
    rates = rows['segmentor', 'rates']['as it is']
    assert rates == '0.001, decode_head x10, auxiliary_head x10'
    labels = rows['segmentor', 'labels']
    assert labels['as it is'] == 'debias.labels, completed by a teacher'
    assert labels['mars off'] == 'walk.labels'
    masks = rows['full_segmentor', 'labels']['full on']
    assert masks == 'true masks, SegmentationClassAug'
    assert rows['stego', 'network']['mars off'] == 'off'
    test = rows['evaluate', 'test']
    assert test['as it is'] == (
        'scales 0.5 1 1.5 2, flips, mean_probabilities, CRF stego, '
        'classes above 0.05'
    )
    assert {test[k] for k in ('irn off', 'mars off', 'ocr on')} == {'='}
    loss = rows['segmentor', 'loss']
    assert loss['ocr on'].startswith('CrossEntropyLoss + OCRLoss')
    assert rows['seeds', 'images']['as it is'] == 'train'
    assert rows['cams', 'images']['as it is'] == 'train_aug'


def test_a_pipeline_without_a_paper(tool, monkeypatch, capsys):
    path = str(PIPELINES / 'voc_mini.py')
    monkeypatch.setattr('sys.argv', ['recipe_table.py', path])
    tool.main()
    text = capsys.readouterr().out
    rows = rows_of(text)
    assert text.startswith('## voc_mini\n')
    assert rows['refine', 'steps']['crf off'] == 'off'
    assert 'paper' not in rows['segmentor', 'loss']
