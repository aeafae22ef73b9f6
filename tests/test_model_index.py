"""model-index.yml and its metafiles, as MIM and MMEngine read them.

That the configs exist, that names are those of their files and that READMEs
and collections are there, tests/test_configs.py says.
"""

from collections import Counter
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[1]
INDEX = yaml.safe_load((ROOT / 'model-index.yml').read_text())
METAFILES = [yaml.safe_load((ROOT / p).read_text()) for p in INDEX['Import']]
COLLECTIONS = [c for file in METAFILES for c in file['Collections']]
MODELS = [model for file in METAFILES for model in file['Models']]


DATA = {
    'data/VOCdevkit/VOC2012': 'Pascal VOC 2012 + Aug',
    'data/coco2014': 'MS COCO 2014',
    'data/voc_mini': 'Pascal VOC 2012',
    'data/scenes': 'Scenes',
}


@pytest.fixture(scope='module')
def networks():
    """The configs that train a network, and the folders of their data."""
    found = {}
    for path in sorted((ROOT / 'configs').rglob('*.py')):
        if {'_base_', 'pipelines'} & set(path.parts):
            continue
        cfg = Config.fromfile(path, import_custom_modules=False)
        if 'model' in cfg and 'train_cfg' in cfg:
            found[str(path.relative_to(ROOT))] = cfg.data_root
    return found


def test_the_index_imports_every_metafile():
    found = (ROOT / 'configs').rglob('metafile.y*ml')
    found = sorted(str(path.relative_to(ROOT)) for path in found)
    assert list(INDEX) == ['Import']
    assert INDEX['Import'] == found


def test_every_network_is_listed_once(networks):
    listed = Counter(model['Config'] for model in MODELS)
    assert listed == Counter(networks.keys())


def test_names_are_found_by_a_search():
    """MIM makes what is searched for lower case, but not the names."""
    names = [model['Name'] for model in MODELS]
    assert len(set(names)) == len(names)
    assert [name.lower() for name in names] == names
    collections = [collection['Name'] for collection in COLLECTIONS]
    assert len(set(collections)) == len(collections)


@pytest.mark.parametrize('collection', COLLECTIONS, ids=lambda c: c['Name'])
def test_collections(collection):
    assert set(collection) == {
        *('Name', 'License', 'Metadata', 'Paper', 'README', 'Frameworks')
    }
    assert collection['License'] == 'Apache License 2.0'
    assert collection['Frameworks'] == ['PyTorch']
    assert set(collection['Paper']) == {'Title', 'URL'}
    assert collection['Paper']['URL'].startswith('https://')
    name = collection['Name']
    models = [model for model in MODELS if model['In Collection'] == name]
    trained_on = {model['Metadata']['Training Data'] for model in models}
    data = collection['Metadata']['Training Data']
    assert len(data) == len(set(data)) and set(data) == trained_on


def test_models_have_the_fields_of_mmsegmentation(networks):
    """None has weights or results: there are no released checkpoints."""
    for model in MODELS:
        assert set(model) == {'Name', 'In Collection', 'Config', 'Metadata'}
        assert set(model['Metadata']) == {'Training Data'}
        data = DATA[networks[model['Config']]]
        assert model['Metadata']['Training Data'] == data, model['Name']


def test_the_reader_of_mim_takes_it():
    """MIM reads the index with this package, and merges the collections."""
    load = pytest.importorskip('modelindex.load_model_index').load
    index = load(str(ROOT / 'model-index.yml'))
    errors = [
        e for part in index.collect_check_errors() for e in part['errors']
    ]
    # It looks for READMEs beside the metafile; in MMSegmentation's they are
    # named from the root, too.
    assert not [e for e in errors if not e.startswith('Path to README')]
    read = {model.name: model for model in index.models}
    assert set(read) == {model['Name'] for model in MODELS}
    for model in MODELS:
        found = read[model['Name']]
        assert found.config == model['Config']
        assert found.in_collection == model['In Collection']
        assert found.metadata.data == model['Metadata']
    assert {c.name: c.readme for c in index.collections} == {
        c['Name']: c['README'] for c in COLLECTIONS
    }
