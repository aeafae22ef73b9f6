# OCR on AffinityNet's seeds, COCO 2014: CAMs of ResNet38, PSA,
# DeepLab-LargeFOV with OCR. The stages are those of voc12_ocr-psa.py.
# configs/psa/README.md and configs/ocr/README.md say which weights and labels
# they need. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/coco14_ocr-psa.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = './voc12_ocr-psa.py'
configs = dict(
    classifier='configs/cam/cam_r38_psa_coco14.py',
    affinity='configs/psa/psa_r38_coco14.py',
    segmentor='configs/ocr/ce_deeplab-largefov_r38_30e_coco14-321x321.py',
    ocr='configs/ocr/ocr_deeplab-largefov_r38_30e_coco14-321x321.py',
)
# No paper has CAM figures for COCO. Only `full` and `evaluate_train` read its
# masks of train.
data = 'test_dataloader.dataset.'
on_train = {
    data + 'ann_file': 'train.txt',
    data + 'data_prefix.img_path': 'train2014',
    data + 'data_prefix.seg_map_path': 'masks_train',
}
stages = dict(
    seeds=None,
    full_segmentor=_base_.full_on_coco_masks,
    evaluate_train=dict(options=on_train),
)
paper = dict(_base_.papers.ocr_coco14, _delete_=True)
