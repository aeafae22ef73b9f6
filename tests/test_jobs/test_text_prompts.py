"""Names in texts, and background names that are classes."""

import re

import pytest

from mmseg_wsss.datasets.coco import COCO_CLASSES
from mmseg_wsss.jobs.text_prompts import (
    check_backgrounds,
    class_phrases,
    embed_texts,
)


def test_phrases():
    phrases = class_phrases(['traffic_light', 'bird'], dict(bird='bird avian'))
    assert phrases == ['traffic light', 'bird avian']
    with pytest.raises(ValueError, match="has 'brid', which is no class"):
        class_phrases(['bird'], dict(brid='bird avian'))


@pytest.mark.parametrize(
    ('name', 'phrase', 'background'),
    [
        ('sky', 'sky', 'sky'),
        ('Tree', 'Tree', 'trees'),  # whatever the case and number
        ('stop_sign', 'stop sign', 'sign'),
        ('tv', 'tvmonitor screen', 'screen'),
        ('person', 'person with clothes,people,human', 'people'),
        ('water bottle', 'flask', 'bottle'),
    ],
)
def test_a_background_that_is_a_class(name, phrase, background):
    message = f"those of classes: '{background}' (class '{name}')"
    with pytest.raises(ValueError, match=re.escape(message)):
        check_backgrounds(
            ['x', name], ['x', phrase], ['ground', background, 'road']
        )


def test_backgrounds_that_are_none():
    check_backgrounds(
        ['water bottle', 'grasshopper'],
        ['water bottle', 'grasshopper'],
        ['water', 'grass'],
    )
    with pytest.raises(ValueError, match='a name twice'):
        check_backgrounds(['x'], ['x'], ['sky', 'sky'])


def test_coco_has_two_of_the_25():
    names = ['ground', 'keyboard', 'sign', 'wall']
    with pytest.raises(ValueError, match='classes: ') as error:
        check_backgrounds(COCO_CLASSES, COCO_CLASSES, names)
    found = re.findall(r"'(\w+)' \(class '([\w ]+)'\)", str(error.value))
    assert sorted(found) == [('keyboard', 'keyboard'), ('sign', 'stop sign')]


def test_says_how_to_install_open_clip(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'open_clip', None)
    with pytest.raises(ImportError, match='pip install open_clip_torch'):
        embed_texts(['a cat.'], 'ViT-B-16-quickgelu', 'openai')
