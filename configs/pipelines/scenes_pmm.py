# PMM on the built-in scenes: the stages of voc_mini_pmm.py. There are no
# ImageNet weights for drawings: segmentors start from the CAM network.
#   python tools/run_pipeline.py configs/pipelines/scenes_pmm.py
_base_ = './voc_mini_pmm.py'
prepare = [['tools/dataset_converters/make_scenes.py', '--out', 'data/scenes']]
configs = dict(
    classifier='configs/cam/cam_mobilenetv2_scenes.py',
    ppmg='configs/pmm/ppmg_scenes.py',
    segmentor='configs/ocr/ce_mobilenetv2_scenes.py',
    pmm='configs/pmm/pmm_mobilenetv2_scenes.py',
)
start = dict(inputs=dict(start='{classifier.checkpoint}'))
on_train = {
    'test_dataloader.dataset.ann_file': 'ImageSets/Segmentation/train.txt'
}
stages = dict(
    segmentor=start,
    second_scores=dict(options=on_train),
    # Labels first: where it is off, they lead to the first segmentor.
    second_segmentor=start,
)
