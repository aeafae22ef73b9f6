"""Cells of a CAM."""

import pytest
import torch

from mmseg_wsss.models.losses.cells import (
    confident_cells,
    full_cells,
    reduce_cells,
)


def test_full_cells():
    mask = torch.zeros(1, 16, 20, dtype=torch.bool)
    mask[:, 3:13, 4:19] = True
    cells = full_cells(mask, (4, 5))
    assert cells[0].int().tolist() == [
        [0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0],
    ]
    assert torch.equal(full_cells(cells, (4, 5)), cells)
    assert full_cells(torch.ones(1, 33, 33), (5, 5)).all()


def test_confident_cells():
    teacher = torch.tensor([[1.0, 4.0, 10.0], [20, 0, -5]]).view(1, 2, 1, 3)
    labels = torch.tensor([[1.0, 0.0]])
    cells = confident_cells(teacher, labels, 0.3)
    assert cells.flatten().tolist() == [False, True, True]


def test_reduce_cells():
    values = torch.arange(6.0).view(2, 1, 3)
    cells = torch.tensor([[[True, False, True]], [[False] * 3]])
    assert reduce_cells(values, cells).tolist() == [2, 0]
    assert reduce_cells(values, cells, 'mean').tolist() == [1, 0]
    # What is left out may be NaN.
    values[0, 0, 1] = float('nan')
    assert reduce_cells(values, cells).tolist() == [2, 0]
    with pytest.raises(ValueError, match='reduction must be one of'):
        reduce_cells(values, cells, 'max')
