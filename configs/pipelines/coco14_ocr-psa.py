# OCR on AffinityNet's seeds, COCO 2014: CAMs of ResNet38, PSA,
# DeepLab-LargeFOV with OCR. The stages are those of voc12_ocr-psa.py.
# configs/psa/README.md and configs/ocr/README.md say which weights and labels
# they need. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/coco14_ocr-psa.py \
#       --launcher pytorch --gpus 8 --num-workers 4
# Batch sizes are those of each GPU; change one with
#       --cfg-options stages.segmentor.options.train_dataloader.batch_size=2
_base_ = './voc12_ocr-psa.py'
configs = dict(
    classifier='configs/cam/cam_r38_psa_coco14.py',
    affinity='configs/psa/psa_r38_coco14.py',
    segmentor='configs/ocr/ce_deeplab-largefov_r38_30e_coco14-321x321.py',
    ocr='configs/ocr/ocr_deeplab-largefov_r38_30e_coco14-321x321.py',
)
# No paper has CAM figures for COCO, whose masks of train are not needed.
stages = dict(seeds=None)
paper = dict(_base_.papers.ocr_coco14, _delete_=True)
