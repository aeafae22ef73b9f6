"""The documentation: links, commands, code and names in it are true."""

import ast
import importlib
import re
import shlex
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS, TRANSFORMS
from mmseg.structures import SegDataSample

import mmseg_wsss
from mmseg_wsss import batch_context, dense_features, set_image_labels
from mmseg_wsss.compat import load_config

ROOT = Path(__file__).parents[1]
DOCS = ROOT / 'docs'
PAGES = sorted(
    page
    for pattern in ('*.md', 'docs/**/*.md', 'configs/**/*.md')
    for page in ROOT.glob(pattern)
    if '_build' not in page.parts
)
INCLUDE = re.compile(r'^```\{include\} (\S+)$', re.MULTILINE)
BLOCK = re.compile(r'^( *)```(\S*)\n(.*?)^ *```$', re.MULTILINE | re.DOTALL)
# Shell scripts hand their options on to these.
BEHIND = {
    'dist_train.sh': 'train.py',
    'slurm_train.sh': 'train.py',
    'dist_test.sh': 'test.py',
}
TOOLS = {
    path.name: path
    for pattern in ('tools/**/*.py', 'tools/*.sh', 'benchmarks/*.py')
    for path in ROOT.glob(pattern)
    if not path.name.startswith('_')
}


def name_of(page):
    return str(page.relative_to(ROOT))


every_page = pytest.mark.parametrize('page', PAGES, ids=name_of)


@lru_cache
def read(page):
    return page.read_text(encoding='utf-8')


def blocks(page, language):
    """The code blocks of a page in a language, without their indentation."""
    found = []
    for indent, tag, code in BLOCK.findall(read(page)):
        if tag == language:
            found.append(re.sub(f'^{indent}', '', code, flags=re.MULTILINE))
    return found


def prose(page):
    """A page without its code blocks."""
    return BLOCK.sub('', read(page))


# -------------------------------------------------------------------- links
@lru_cache
def anchors(page):
    """The anchors that GitHub gives to a page's headings."""
    found = []
    for title in re.findall(r'^#+ (.+)$', prose(page), re.MULTILINE):
        text = re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', title)
        slug = re.sub(r'[^\w\- ]', '', text.strip().lower()).replace(' ', '-')
        same = len([a for a in found if re.fullmatch(rf'{slug}(-\d+)?', a)])
        found.append(f'{slug}-{same}' if same else slug)
    for target in INCLUDE.findall(read(page)):
        found += anchors((page.parent / target).resolve())
    return found


@every_page
def test_links_lead_somewhere(page):
    wrong = []
    text = re.sub(r'`[^`\n]*`', '', prose(page))
    targets = re.findall(r'\]\(([^)\s]+)\)', text)
    targets += INCLUDE.findall(read(page))
    for target in targets:
        if re.match(r'https?://|mailto:', target):
            continue
        path, _, anchor = target.partition('#')
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            wrong.append(f'{target}: there is no {path}')
        elif anchor and anchor not in anchors(file):
            wrong.append(f'{target}: the headings are {anchors(file)}')
    assert not wrong, '\n'.join(wrong)


def test_a_wrong_link_is_seen(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('# One `two`\n[a](#one-two)\n[b](#three)\n')
    assert anchors(page) == ['one-two']
    with pytest.raises(AssertionError, match='#three'):
        test_links_lead_somewhere(page)


def test_the_site_has_every_page():
    listed = set()
    for tree in blocks(DOCS / 'index.md', '{toctree}'):
        lines = [x for x in tree.split('\n') if x and not x.startswith(':')]
        listed |= {f'{line}.md' for line in lines if line != 'api/index'}
    written = {
        str(page.relative_to(DOCS))
        for page in PAGES
        if page.is_relative_to(DOCS)
    }
    assert listed == written - {'index.md'}
    included = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in INCLUDE.findall(read(page))
    }
    assert included >= set(ROOT.glob('configs/*/README.md'))


# --------------------------------------------------------------------- code
@every_page
def test_python_parses(page):
    for code in blocks(page, 'python'):
        # `...` among arguments stands for what is left out.
        ast.parse(re.sub(r',\s*\.\.\.(?=\s*[,)\]])', '', code))


@every_page
def test_files_that_are_named_exist(page):
    pattern = (
        r'(?<![\w/.>-])(?:configs|tools|benchmarks)/[\w./-]+\.(?:py|sh)\b'
    )
    named = set(re.findall(pattern, read(page)))
    assert not [name for name in named if not (ROOT / name).exists()]


@every_page
def test_names_of_the_package_exist(page):
    named = set(re.findall(r'\bmmseg_wsss\.([A-Za-z_]\w*)', read(page)))
    for name in named:
        if not hasattr(mmseg_wsss, name):
            importlib.import_module(f'mmseg_wsss.{name}')


# ----------------------------------------------------------------- commands
@lru_cache
def parsed(path):
    return ast.parse(path.read_text(encoding='utf-8'))


def module_file(node, path):
    """The file of this project that a `from ... import` reads, or None."""
    if node.level or not node.module:
        folder = path.parents[max(node.level, 1) - 1]
        file = folder / f'{(node.module or "").replace(".", "/")}.py'
    else:
        relative = f'{node.module.replace(".", "/")}.py'
        file = path.parent / relative
        file = file if file.is_file() else ROOT / relative
    return file if file.is_file() else None


def options_in(tree, path):
    """Options added in a piece of a file, and in what it calls.

    Maps them to whether they are required.
    """
    known = {}
    called = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called.add(getattr(node.func, 'id', None))
        if getattr(node.func, 'attr', '') == 'add_argument':
            required = any(k.arg == 'required' for k in node.keywords)
            names = [a.value for a in node.args if isinstance(a, ast.Constant)]
            known |= dict.fromkeys(names, required)
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom):
            file = module_file(node, path)
            names = {alias.name for alias in node.names} & called
            if file:
                known |= options_of_functions(file, names)
    return known


def options_of_functions(path, names):
    known = {}
    for node in parsed(path).body:
        if isinstance(node, ast.FunctionDef) and node.name in names:
            known |= options_in(node, path)
    return known


@lru_cache
def options_of(tool):
    """The options that a tool's parser has."""
    tool = TOOLS[BEHIND.get(tool.name, tool.name)]
    return options_in(parsed(tool), tool)


def commands(page):
    """Yield (tool, arguments, whether in a block) for a page's commands."""
    spans = re.findall(r'`((?:[^`\n]|\n(?!\n))+)`', prose(page))
    text = [(code, True) for code in blocks(page, 'bash') + blocks(page, '')]
    text += [(' '.join(span.split()), False) for span in spans]
    for part, in_block in text:
        joined = re.sub(r'\\\n\s*', ' ', part)
        for line in joined.split('\n'):
            words = shlex.split(line.replace("'", ''), comments=True)
            for position, word in enumerate(words):
                name = word.rsplit('/', 1)[-1]
                is_path = word.startswith(('tools/', 'benchmarks/'))
                if name in TOOLS and (is_path or position == 0):
                    yield TOOLS[name], words[position + 1 :], in_block
                    break
                if is_path and name.endswith(('.py', '.sh')):
                    raise AssertionError(f'there is no tool {word}')


@every_page
def test_commands_have_options_that_exist(page):
    wrong = []
    for tool, arguments, in_block in commands(page):
        options = options_of(tool)
        given = {word.partition('=')[0] for word in arguments}
        given = {word for word in given if word.startswith('--')}
        missing = {name for name, required in options.items() if required}
        wrong += [f'{tool.name} has no {o}' for o in given - set(options)]
        if in_block:
            wrong += [f'{tool.name} needs {o}' for o in missing - given]
    assert not wrong, '\n'.join(wrong)


def test_options_are_found_where_they_are_added():
    cams = options_of(TOOLS['make_cams.py'])
    assert {'--tta', '--out-dir', '--cfg-options', '--launcher'} <= set(cams)
    assert options_of(TOOLS['from_folder.py'])['--out'] is True
    assert '--split-list' in options_of(TOOLS['csv2json.py'])
    assert '--resume' in options_of(TOOLS['dist_train.sh'])
    assert '--tta' not in options_of(TOOLS['train.py'])
    found = [tool.name for tool, *_ in commands(ROOT / 'README.md')]
    assert {'from_folder.py', 'run_pipeline.py', 'ablation.py'} <= set(found)


# ------------------------------------------------------- the page "Extend"
@pytest.fixture(scope='module')
def extension(tmp_path_factory):
    """A folder with the files of docs/extend.md; its modules are loaded."""
    folder = tmp_path_factory.mktemp('extension')
    for code in blocks(DOCS / 'extend.md', 'python'):
        file = folder / re.match(r'# (my_\w+\.py)\n', code)[1]
        assert not file.exists()
        file.write_text(code)
    sys.path.insert(0, str(folder))
    init_default_scope('mmseg')
    yield folder
    sys.path.remove(str(folder))
    for name in [n for n in sys.modules if n.startswith('my_')]:
        del sys.modules[name]


def test_extend_loss(extension):
    cfg = load_config(extension / 'my_segmentor.py')
    head = MODELS.build(cfg.model.decode_head)
    features = [torch.randn(2, c, 8, 8) for c in (16, 160)]
    mask = torch.randint(0, 7, (2, 32, 32))
    mask[:, :4] = 255
    samples = [SegDataSample() for _ in mask]
    labels = torch.tensor([[1, 1, 0, 0, 0, 0, 0], [1, 0, 0, 1, 1, 0, 0]])
    for sample, label in zip(samples, labels, strict=True):
        set_image_labels(sample, label)
    with batch_context(samples):
        logits = head(features)
        losses = head.loss_by_feat(logits, _with_masks(samples, mask))
    assert set(losses) == {'loss_ce', 'loss_absent', 'acc_seg'}

    scaled = torch.nn.functional.interpolate(
        logits, (32, 32), mode='bilinear', align_corners=head.align_corners
    )
    inside = (scaled.softmax(1) * labels[:, :, None, None]).sum(1)
    expected = -0.1 * inside.log()[mask != 255].mean()
    torch.testing.assert_close(losses['loss_absent'], expected)
    losses['loss_absent'].backward()
    assert all(
        torch.isfinite(p.grad).all() for p in head.conv_seg.parameters()
    )


def _with_masks(samples, masks):
    from mmengine.structures import PixelData

    for sample, mask in zip(samples, masks, strict=True):
        sample.gt_sem_seg = PixelData(data=mask[None])
    return samples


def test_extend_refiner(extension):
    cfg = load_config(extension / 'my_refinement.py')
    steps = [TRANSFORMS.build(step) for step in cfg.refine_pipeline[-3:]]
    scores = np.zeros((2, 20, 20), np.float32)
    scores[0, :10, :10] = 1  # 100 pixels
    scores[1, 15:, 15:] = 1  # 25 pixels
    record = dict(scores=scores, score_classes=np.array([2, 5]))
    for step in steps:
        record = step(record)
    expected = np.zeros((20, 20), np.uint8)
    expected[:10, :10], expected[15:, 15:] = 2, 255
    np.testing.assert_array_equal(record['pseudo_label'], expected)


def test_extend_extractor(extension):
    cfg = load_config(extension / 'my_debiasing.py')
    extractor = MODELS.build(cfg.feature_extractor)
    images = torch.rand(2, 3, 40, 50)
    features = dense_features(extractor, images, **cfg.feature_extraction)
    assert features.shape == (2, 6, 5, 7)
    cell = images[0, :, 8:16, :8].flatten(1)
    exact = extractor(images[..., :48])[0, :, 1, 0]
    torch.testing.assert_close(exact[:3], cell.mean(1))
    torch.testing.assert_close(exact[3:], cell.std(1, correction=0))


def test_the_citation_has_the_version():
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert citation['version'] == mmseg_wsss.__version__


def test_what_github_reads_is_yaml():
    files = sorted((ROOT / '.github').rglob('*.yml'))
    assert len(files) == 3
    for file in files:
        assert yaml.safe_load(file.read_text())
    jobs = yaml.safe_load((ROOT / '.github/workflows/test.yml').read_text())
    steps = jobs['jobs']['test']['steps']
    (command,) = [step['run'] for step in steps if 'run' in step]
    assert (ROOT / command).is_file()
