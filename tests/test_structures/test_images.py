import pytest
import torch
from mmseg.models import SegDataPreProcessor

from mmseg_wsss.structures import (
    batch_context,
    current_images,
    network_inputs,
    rgb_images,
)


def preprocessor(**options):
    return SegDataPreProcessor(**options)


def test_normalisation_is_undone():
    picture = torch.randint(0, 256, (3, 4, 4), dtype=torch.uint8)
    for converted in (True, False):
        pre = preprocessor(
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            bgr_to_rgb=converted,
            size=(4, 4),
        )
        inputs = pre(dict(inputs=[picture], data_samples=None))['inputs']
        images = rgb_images(inputs, pre)
        rgb = picture.flip(0).float() / 255
        assert images.shape == (1, 3, 4, 4)
        assert torch.allclose(images[0], rgb, atol=1e-6)
        back = network_inputs(images, pre)
        assert torch.allclose(back, inputs, atol=1e-5)


def test_zeros_are_the_mean_colour():
    pre = preprocessor(
        mean=[51.0, 102.0, 153.0],
        std=[1.0] * 3,
        bgr_to_rgb=True,
        size=(4, 4),
        pad_val=0,
    )
    corner = rgb_images(torch.zeros(1, 3, 1, 1), pre)[0, :, 0, 0]
    assert corner.tolist() == pytest.approx([0.2, 0.4, 0.6])


def test_without_a_mean_inputs_are_grey_levels():
    inputs = torch.full((1, 3, 2, 2), 300.0, requires_grad=True)
    images = rgb_images(inputs)
    assert images.max() == 1 and not images.requires_grad
    assert rgb_images(inputs.detach() / 2).max() == pytest.approx(150 / 255)


def test_inputs_without_a_mean():
    images = torch.rand(1, 3, 2, 2)
    assert torch.equal(network_inputs(images), images * 255)
    inputs = network_inputs(images, preprocessor())
    assert torch.equal(inputs, images.flip(1) * 255)


def test_other_inputs_are_refused():
    with pytest.raises(ValueError, match='colour images'):
        rgb_images(torch.zeros(1, 4, 2, 2))


def test_images_of_the_current_batch():
    images = torch.rand(1, 3, 2, 2)
    with batch_context([], lambda: images):
        assert current_images('x') is images
        with (
            batch_context([]),
            pytest.raises(RuntimeError, match='MyLoss needs the images'),
        ):
            current_images('MyLoss')
    with pytest.raises(RuntimeError, match='MyLoss needs the images'):
        current_images('MyLoss')
