# DenseCRF on the seeds of Spatial-BCE, whose classes end at 0.5: the labels
# from which its next phase takes the shares. As in the public code, the CRF
# starts from the best class of each pixel, not from scores.
_base_ = ['./crf_voc12.py']
refine_pipeline = [
    *_base_.load_seed,
    dict(
        type='mmseg_wsss.IRNConfidentLabels',
        foreground=0.5,
        background=0.5,
        params=dict(preset='irn', bilateral_sxy=40),
    ),
]
