# DenseCRF on the seeds of Spatial-BCE, whose classes end at 0.5: the labels
# from which its next phase takes the shares.
_base_ = ['./crf_voc12.py']
refine_pipeline = [
    *_base_.load_seed,
    dict(type='mmseg_wsss.AddBackground', constant=0.5),
    dict(type='mmseg_wsss.DenseCRFRefine', params='psa'),
    dict(type='mmseg_wsss.ScoresToLabel'),
]
