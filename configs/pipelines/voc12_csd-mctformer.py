# CSD on MCTformer, VOC 2012: MCTformer-V2, a second one trained with CSD by
# the first's pseudo labels, PSA and DeepLab-LargeFOV with MCTformer's values.
# configs/psa/README.md and configs/ocr/README.md say which weights and labels
# they need, MCTformer needs MMPretrain. Plain copy-and-paste, the middle row
# of the paper's ablation, is
#   --cfg-options configs.csd=configs/csd/csd_deit-s_voc12_uniform.py
# our values of CSD are csd_deit-s_voc12_min-max.py, and a baseline trained as
# long csd_deit-s_voc12_off.py. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/voc12_csd-mctformer.py \
#       --launcher pytorch --gpus 4 --split-batch --num-workers 4
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
    csd=True,  # the second CAM network, trained with CSD
    psa=True,  # AffinityNet's walk on the seeds
    ocr=False,  # OCR in the segmentor
    full=False,  # an upper mark: the segmentor trained on true masks
)
options = {'randomness.seed': 0}
configs = dict(
    classifier='configs/mctformer/mctformer_deit-s_voc12.py',
    csd='configs/csd/csd_deit-s_voc12.py',
    affinity='configs/psa/psa_r38_mctformer_voc12.py',
    segmentor=(
        'configs/mctformer/ce_deeplab-largefov_r38_30e_voc12-321x321.py'
    ),
)
stages = dict(
    classifier=dict(config='classifier'),
    first_cams=dict(_base_.csd_stages.first_cams, tta=True),
    **_base_.first_walk_stages,
    csd=dict(_base_.csd_stages.csd, when=dict()),
    cams=_base_.csd_stages.cams,
    seeds=_base_.seeds,
    **_base_.psa_stages,
    labels_on_train=_base_.labels_on_train,
    segmentor=dict(
        config='segmentor',
        options=_base_.with_ce,
        inputs=dict(labels='{walk.labels}'),
        when=dict(ocr=dict(options=_base_.with_ocr)),
    ),
    full_segmentor=_base_.full_on_masks,
    evaluate_full=dict(_base_.evaluate_full, **_base_.test_as_mctformer),
    evaluate=dict(_base_.evaluate, **_base_.test_as_mctformer),
)
differs = (
    'DeiT-S of MMPretrain, the code has that of DeiT; '
    "CSD starts from a first training, PSA's walk on which is the masks; "
    'Eq. 4 is a reading of the text; on the logits of the patch map, '
    'with short side 256, crop 224 and ColorJitter in place of '
    'RandomResizedCrop, RandAugment and erasing; background 0.39 in the '
    "walks, its author's code has 0.36; AffinityNet and segmentor "
    'from ImageNet, whose padding is not trained; ' + _base_.walk_differs
)
figures = [
    dict(
        stage='seeds',
        what=_base_.voc_train + 'CAMs, mIoU',
        before=61.7,
        after=63.8,
    ),
    dict(
        stage='labels_on_train',
        what=_base_.voc_train + 'pseudo labels, mIoU',
        before=69.1,
        after=70.9,
    ),
    dict(
        stage='evaluate',
        what=_base_.voc_val + 'mIoU',
        before=70.0,
        after=71.4,
    ),
]
# The middle row of its ablation, and its baseline trained as long as CSD.
copy_paste = dict(
    name='CSD (BMVC 2023), plain copy-paste, on MCTformer',
    configs=dict(csd='configs/csd/csd_deit-s_voc12_uniform.py'),
    figures=[dict(figures[0], after=63.1)],
    differs=differs,
)
trained_as_long = dict(
    name='CSD (BMVC 2023), its baseline MCTformer',
    configs=dict(csd='configs/csd/csd_deit-s_voc12_off.py'),
    figures=[
        dict(figure, before=None, after=figure['before']) for figure in figures
    ],
    differs='trained as long as with CSD; else as on MCTformer with CSD',
)
paper = dict(
    name='CSD (BMVC 2023), Table 1, on MCTformer',
    method='csd',
    figures=figures,
    recipe=dict(
        classifier=_base_.mctformer_classifier,
        csd=dict(
            _base_.mctformer_classifier,
            loss='MCTformer + CSD, lambda 0.01 and 0.1',
        ),
        seeds=dict(images='train, 1,464', test="'a range of thresholds'"),
        affinity=_base_.mctformer_affinity,
        segmentor=_base_.mctformer_segmentor,
        evaluate=dict(images='val, 1,449', test=_base_.mctformer_test),
    ),
    differs=differs,
    variants=[copy_paste, trained_as_long],
)
