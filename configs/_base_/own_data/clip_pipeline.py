# As pipeline.py, with the seeds of a frozen CLIP in place of a CAM network:
#   python tools/run_pipeline.py <this folder>/clip_pipeline.py
# Needs CLIP's weights, a download or clip_weights in common.py, and
#   pip install "mmseg_wsss[clip]"
_base_ = './pipeline.py'
name = f'{_base_.name}_clip'
here = _base_.data_root
base = _base_.stages
# Doubts are by features of the network that the segmentor starts from.
first = dict(doubts=base.doubts) if _base_.weights else {}
use = dict(
    _delete_=True,
    **dict.fromkeys(first, True),
    refine=True,  # refined labels
    crf=False,  # refine by DenseCRF, as CLIP-ES does; needs mmseg_wsss[crf]
    mars=False,  # debiased labels, and a teacher that completes them
    ocr=True,  # OCR in the segmentor
    second=False,  # a new segmentor on the labels that the first one gives
    full=False,  # an upper mark; needs a mask of each training photo
)
prepare = [['tools/make_text_embeddings.py', f'{here}/clip.py']]
stages = dict(
    _delete_=True,
    **first,
    cams=dict(kind='frozen_cams', config=f'{here}/clip.py'),
    refine=dict(
        config=f'{here}/clip.py',
        pipeline='local_pipeline',
        inputs=dict(cams='{cams.cams}'),
        when=dict(crf=dict(pipeline='crf_pipeline')),
    ),
    features=base.features,
    centroids=base.centroids,
    debias=base.debias,
    # There is no CAM network to start from.
    segmentor=dict(base.segmentor, inputs=dict(labels='{debias.labels}')),
    second_scores=base.second_scores,
    second_labels=base.second_labels,
    second_segmentor=dict(
        base.second_segmentor, inputs=dict(labels='{second_labels.labels}')
    ),
    full_segmentor=dict(base.full_segmentor, inputs={}),
    evaluate_full=base.evaluate_full,
    evaluate=base.evaluate,
)
