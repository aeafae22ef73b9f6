default_scope = 'mmseg'
custom_imports = dict(imports=['mmseg_wsss'], allow_failed_imports=False)
custom_hooks = [
    dict(type='mmseg_wsss.WeakSupervisionHook'),
    dict(type='mmseg_wsss.EpochSeedHook'),
]
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(
    type='SegLocalVisualizer', vis_backends=vis_backends, name='visualizer'
)
log_level = 'INFO'
load_from = None
resume = False
tta_model = dict(type='mmseg_wsss.ScoreTTAModel')
