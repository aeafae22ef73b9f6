# Seeds of a frozen CLIP ViT-B/16: CLIP-ES. Nothing is trained, and
# tools/make_cams.py takes no checkpoint. A config adds the classes and where
# the vectors of their texts are; tools/make_text_embeddings.py writes these.
# Weights are downloaded when first used. Without a network name a file,
# configs/clip_es/README.md says how to get it:
#   --cfg-options model.tower.checkpoint=FILE
#   --cfg-options clip_texts.pretrained=FILE    (make_text_embeddings.py)
model = dict(
    type='mmseg_wsss.CLIPSeedSegmentor',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        # CLIP's own, times 255.
        mean=[122.7709383, 116.7460125, 104.09373615],
        std=[68.5005327, 66.6321579, 70.32316305],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    tower=dict(
        type='mmseg_wsss.CLIPTower',
        model_name='vit_base_patch16_clip_quickgelu_224.openai',
        pretrained=True,
        positions='bilinear',
        attention_layers=8,
    ),
    box_threshold=0.4,
)
# Nothing in it is trained, which DistributedDataParallel refuses.
model_wrapper_cfg = dict(type='mmseg_wsss.NotWrapped')
clip_texts = dict(
    model='ViT-B-16-quickgelu',  # open_clip's name, and its weights
    pretrained='openai',
    template='a clean origami {}.',
    # Other names of classes, where the class's own gives poor seeds.
    names=dict(),
    # What is background; no name of a class.
    background=[
        *('ground', 'land', 'grass', 'tree', 'building', 'wall', 'sky'),
        *('lake', 'water', 'river', 'sea', 'railway', 'railroad'),
        *('keyboard', 'helmet', 'cloud', 'house', 'mountain', 'ocean'),
        *('road', 'rock', 'street', 'valley', 'bridge', 'sign'),
    ],
)
test_cfg = dict(type='TestLoop')
