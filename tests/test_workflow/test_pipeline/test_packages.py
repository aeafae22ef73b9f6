"""Optional packages are asked for before a pipeline begins."""

import pytest

from mmseg_wsss.workflow.pipeline import packages, read_plan
from tests.voc_coco import PIPELINES

CRF = 'package pydensecrf: pip install "mmseg_wsss[crf]"'
TIMM = 'package timm: pip install "mmseg_wsss[timm]"'
MMPRETRAIN = 'package mmpretrain: pip install "mmseg_wsss[onedl]"'


@pytest.fixture
def bare(monkeypatch):
    monkeypatch.setattr(packages, 'find_spec', lambda name: None)


@pytest.mark.usefixtures('bare')
@pytest.mark.parametrize(
    ('settings', 'lines'),
    [
        (dict(type='mmseg_wsss.DenseCRFHook'), [CRF]),
        ([dict(type='DenseCRFRefine'), dict(type='DenseCRFHook')], [CRF]),
        (dict(type='mmseg_wsss.MARSDebias'), [CRF]),
        (dict(type='mmseg_wsss.MARSDebias', refine='local'), []),
        (dict(type='ComplementHook'), []),
        (dict(type='ComplementHook', refine='crf'), [CRF]),
        (dict(extractor=dict(type='mmseg_wsss.TimmFeatures')), [TIMM]),
        (dict(type='mmpretrain.ColorJitter'), [MMPRETRAIN]),
        (dict(type='CrossEntropyLoss'), []),
    ],
)
def test_what_needs_a_package(settings, lines):
    assert packages.missing_packages(settings) == lines


def test_what_is_installed_is_not_missing(monkeypatch):
    monkeypatch.setattr(packages, 'find_spec', lambda name: object())
    assert packages.missing_packages(dict(type='DenseCRFHook')) == []


@pytest.mark.usefixtures('bare')
def test_a_pipeline_names_the_stages():
    plan = read_plan(PIPELINES / 'voc12_hfpl-mctformer.py')
    lines = [line for line in plan.missing_lines() if 'package' in line]
    assert lines == [
        f'there is no {MMPRETRAIN} (stage classifier, cams, affinity)',
        f'there is no {CRF} (stage confident, evaluate)',
    ]
