"""Settings of a DenseCRF, and those that papers use by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace


@dataclass(frozen=True)
class CRFParams:
    """Settings of a DenseCRF, under pydensecrf's names.

    Attributes:
        iterations: Mean-field iterations, at least 1.
        gaussian_sxy: Standard deviation of the smoothness kernel in pixels.
        gaussian_compat: Its weight; 0 leaves the kernel out.
        bilateral_sxy: Standard deviation of the appearance kernel in pixels.
        bilateral_srgb: Standard deviation in colour, units of 0 to 255.
        bilateral_compat: Its weight; 0 leaves the kernel out.

    Raises:
        ValueError: If a number is out of range.
    """

    iterations: int
    gaussian_sxy: float
    gaussian_compat: float
    bilateral_sxy: float
    bilateral_srgb: float
    bilateral_compat: float

    def __post_init__(self):
        if not isinstance(self.iterations, int) or self.iterations < 1:
            raise ValueError(
                'iterations of a DenseCRF must be a whole number of at least '
                f'1, got {self.iterations!r}'
            )
        for name, value in asdict(self).items():
            zero_allowed = name.endswith('compat')
            if not (
                isinstance(value, (int, float))
                and math.isfinite(value)
                and (value > 0 or (zero_allowed and value == 0))
            ):
                raise ValueError(
                    f'{name} of a DenseCRF must be a '
                    f'{"number >= 0" if zero_allowed else "number > 0"}, got '
                    f'{value!r}'
                )


CRF_PRESETS = {
    # CAM to label in PSA, SEAM, HFPL and MCTformer.
    'psa': CRFParams(10, 3, 3, 80, 13, 10),
    # Confident labels of IRN, label CRF of RS+EPM and DHR.
    'irn': CRFParams(10, 3, 3, 50, 5, 10),
    # Test of the segmentor in HFPL and SEAM.
    'hfpl_test': CRFParams(1, 3, 3, 32, 13, 10),
    # Test of the segmentor in MCTformer.
    'mctformer_test': CRFParams(10, 4, 3, 83, 5, 3),
    # The script that DeepLab's Caffe code is published with.
    'deeplab_test': CRFParams(10, 3, 3, 49, 5, 4),
    # Test of the segmentor in WeCLIP.
    'weclip_test': CRFParams(10, 3, 3, 64, 5, 4),
    # STEGO, RS+EPM and DHR on a softmax.
    'stego': CRFParams(10, 1, 3, 67, 3, 4),
}


def crf_params(spec: str | CRFParams | Mapping) -> CRFParams:
    """Build settings from what a config may say.

    Args:
        spec: A name of ``CRF_PRESETS``, settings, or a mapping of the fields
            of :class:`CRFParams`. With the key ``preset`` the mapping holds
            only what differs from that preset.

    Returns:
        CRFParams: The settings.

    Raises:
        ValueError: If a name or a field is unknown, a field is missing or a
            number is out of range.
        TypeError: If ``spec`` is something else.
    """
    if isinstance(spec, CRFParams):
        return spec
    if isinstance(spec, str):
        if spec not in CRF_PRESETS:
            raise ValueError(
                f'DenseCRF settings {spec!r} are unknown: choose one of '
                f'{", ".join(CRF_PRESETS)}, or give a dict'
            )
        return CRF_PRESETS[spec]
    if not isinstance(spec, Mapping):
        raise TypeError(
            'DenseCRF settings must be the name of a preset '
            f'({", ".join(CRF_PRESETS)}), a dict or CRFParams, got {spec!r}'
        )
    given, known = dict(spec), [field.name for field in fields(CRFParams)]
    preset = given.pop('preset', None)
    unknown = [name for name in given if name not in known]
    if unknown:
        raise ValueError(
            f'DenseCRF settings have no {", ".join(map(repr, unknown))}: the '
            f'fields are {", ".join(known)}, and preset'
        )
    if preset is not None:
        return replace(crf_params(preset), **given)
    missing = [name for name in known if name not in given]
    if missing:
        raise ValueError(
            f'DenseCRF settings lack {", ".join(missing)}: add them, or '
            f'preset= one of {", ".join(CRF_PRESETS)}'
        )
    return CRFParams(**given)
