# HFPL on Spatial-BCE, VOC 2012: the plain ResNet38 CAM network, three phases
# of Spatial-BCE with ISL and FSL, IRN with HFPL's values, DeepLab-LargeFOV.
# Each phase takes the shares of the classes from the labels before it.
# Without ISL and FSL:
#   --cfg-options use.hfpl=False
# configs/ocr/README.md says which weights it needs. On more GPUs:
#   python tools/run_pipeline.py configs/pipelines/voc12_hfpl-spatial-bce.py \
#       --launcher pytorch --gpus 2 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = [
    '../_base_/pipelines/cams.py',
    '../_base_/pipelines/affinity.py',
    '../_base_/pipelines/segmentor.py',
    '../_base_/pipelines/comparisons.py',
    '../_base_/pipelines/evaluation.py',
    '../_base_/pipelines/papers.py',
]
use = dict(
    hfpl=True,  # ISL and FSL in each phase
    irn=True,  # IRN's walk on the seeds
    full=False,  # an upper mark: the segmentor trained on true masks
)
options = {'randomness.seed': 0}
configs = dict(
    classifier='configs/cam/cam_r38_voc12.py',
    first_crf='configs/crf/crf_voc12.py',
    phase='configs/spatial_bce/spatial-bce_r38_voc12.py',
    hfpl='configs/hfpl/isl-fsl_spatial-bce_r38_voc12.py',
    crf='configs/crf/crf_spatial-bce_voc12.py',
    affinity='configs/irn/irn_r50_spatial-bce_voc12.py',
    segmentor='configs/hfpl/ce_deeplab-largefov_r38_20k_voc12-448x448.py',
)
phase = dict(
    kind='train',
    config='phase',
    options={
        'model.backbone.init_cfg': dict(
            type='Pretrained',
            checkpoint='{classifier.checkpoint}',
            prefix='backbone.',
        ),
    },
    when=dict(hfpl=dict(config='hfpl')),
)
stages = dict(
    classifier=dict(config='classifier'),
    first_cams=dict(_base_.cams, kind='cams'),
    first_labels=dict(
        kind='labels',
        config='first_crf',
        inputs=dict(cams='{first_cams.cams}'),
    ),
    phase_1=dict(phase, inputs=dict(labels='{first_labels.labels}')),
    cams_1=dict(
        kind='cams',
        config='{phase_1.config}',
        inputs=dict(checkpoint='{phase_1.checkpoint}'),
        tta=True,
    ),
    labels_1=dict(
        kind='labels', config='crf', inputs=dict(cams='{cams_1.cams}')
    ),
    phase_2=dict(
        phase,
        inputs=dict(start='{phase_1.checkpoint}', labels='{labels_1.labels}'),
    ),
    cams_2=dict(
        kind='cams',
        config='{phase_2.config}',
        inputs=dict(checkpoint='{phase_2.checkpoint}'),
        tta=True,
    ),
    labels_2=dict(
        kind='labels', config='crf', inputs=dict(cams='{cams_2.cams}')
    ),
    phase_3=dict(
        phase,
        inputs=dict(start='{phase_2.checkpoint}', labels='{labels_2.labels}'),
    ),
    cams=dict(
        config='{phase_3.config}',
        inputs=dict(checkpoint='{phase_3.checkpoint}'),
        tta=True,
    ),
    seeds=_base_.seeds,
    **_base_.irn_stages,
    segmentor=dict(config='segmentor', inputs=dict(labels='{walk.labels}')),
    full_segmentor=_base_.full_on_masks,
    evaluate_full=dict(_base_.evaluate_full, **_base_.test_as_hfpl),
    evaluate=dict(_base_.evaluate, **_base_.test_as_hfpl),
)
paper = _base_.papers.hfpl_spatial_bce_voc12
