# Segmentor of MCTformer on VOC 2012, from its code: batch 4, crop 321, scale
# 0.7 to 1.3, one hidden layer and a dilated classifier. Needs pseudo labels
# and converted ImageNet weights, see configs/ocr/README.md; the authors start
# from a ResNet38 trained on VOC's image labels. The code passes its weight
# decay, 1e-5, as momentum, so that nothing decays. It trains padding as
# background, and one scale for each batch; here padding is ignored.
_base_ = [
    '../_base_/models/deeplab-largefov_r38.py',
    '../_base_/datasets/voc12_wsss-321.py',
    '../_base_/schedules/sgd_30e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        frozen_stages=0,
        init_cfg=dict(
            type='Pretrained', checkpoint='data/weights/resnet38_ilsvrc.pth'
        ),
    ),
    decode_head=dict(
        num_convs=1,
        dilated_classifier=True,
        dropout_ratio=0.0,
        init_cfg=dict(type='Xavier', distribution='uniform', layer='Conv2d'),
    ),
)
optim_wrapper = dict(
    optimizer=dict(lr=7e-4, momentum=1e-5, weight_decay=0),
    paramwise_cfg=dict(custom_keys={'decode_head': dict(lr_mult=10)}),
)
train_dataloader = dict(batch_size=4)
