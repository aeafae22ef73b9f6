# HFPL on SEAM, VOC 2012: SEAM's CAMs trained with ISL and FSL, PSA with HFPL's
# values, DeepLab-LargeFOV. The stages are those of voc12_hfpl.py.
# configs/psa/README.md and configs/ocr/README.md say which weights and labels
# they need. On several GPUs:
#   python tools/run_pipeline.py configs/pipelines/voc12_hfpl-seam.py \
#       --launcher pytorch --gpus 8 --num-workers 4
# Batch sizes are those of each GPU; change one with
#       --cfg-options stages.segmentor.options.train_dataloader.batch_size=2
_base_ = './voc12_hfpl.py'
configs = dict(
    classifier='configs/seam/seam_r38_voc12.py',
    hfpl='configs/hfpl/isl-fsl_seam-r38_voc12.py',
)
paper = dict(
    _base_.papers.hfpl_voc12,
    differs=(
        "AffinityNet's walk at the borders; GAP on the CAM's own grid, where "
        'the code enlarges the map'
    ),
    _delete_=True,
)
