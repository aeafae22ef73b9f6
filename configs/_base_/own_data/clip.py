# Seeds of a frozen CLIP on your photos, from the names of the classes, and
# the labels of them. Nothing is trained. clip_pipeline.py runs it.
_base_ = ['mmseg_wsss::_base_/models/clip_vit-b16.py', './refine.py']
# Other names of classes, where the seeds are poor: dict(bird='bird avian')
names = dict()
# What is background; no name of a class.
background = ['ground', 'sky', 'wall']
model = dict(
    classes=_base_.classes,
    text_embeddings=f'{_base_.data_root}/clip_text.npz',
    tower=dict(checkpoint=_base_.clip_weights),
)
clip_texts = dict(
    pretrained=_base_.clip_weights or 'openai',
    names=names,
    background=background,
)
# A larger alpha makes objects larger.
score = dict(type='mmseg_wsss.AddBackground', alpha=1)
local_pipeline = [*_base_.load_seed, score, _base_.local, _base_.to_label]
crf_pipeline = [
    *_base_.load_seed,
    score,
    dict(type='mmseg_wsss.DenseCRFRefine', params='stego'),
    # What the CRF is not sure of is ignored in training.
    dict(type='mmseg_wsss.ScoresToLabel', min_score=0.95),
]
train_dataloader = None
test_dataloader = dict(
    dataset=dict(
        pipeline=[
            _base_.load_image,
            # CLIP needs more pixels than a network that is trained.
            dict(type='Resize', scale=(512, 512), keep_ratio=True),
            _base_.load_image_labels,
            dict(type='mmseg_wsss.PackWSSSInputs'),
        ]
    )
)
