# CSD, VOC 2012: a plain ResNet-50 CAM network, one trained with CSD by its
# pseudo labels, IRN, DeepLabV2 on ResNet-50. The stages are those of
# all_voc12.py. CSD has the paper's values; ours are
#   --cfg-options configs.csd=configs/csd/csd_r50_voc12_min-max.py
# and a baseline trained as long csd_r50_voc12_off.py.
#   python tools/run_pipeline.py configs/pipelines/voc12_csd-irn.py \
#       --launcher pytorch --gpus 8 --split-batch --num-workers 4
# The GPUs share the batches of the configs.
_base_ = './all_voc12.py'
use = dict(
    hfpl=False,  # ISL and FSL in the CAM networks
    csd=True,  # the second CAM network, trained with CSD
    irn=True,  # IRN's walk on the seeds
    mars=False,  # debiased labels, and a teacher that completes them
    ocr=False,  # OCR in the segmentor
)
configs = dict(
    csd='configs/csd/csd_r50_voc12.py',
    csd_hfpl='configs/csd/csd-isl-fsl_r50_voc12.py',
)
trained_as_long = dict(
    name='CSD (BMVC 2023), its baseline IRN',
    configs=dict(csd='configs/csd/csd_r50_voc12_off.py'),
    figures=[
        dict(figure, before=None, after=figure['before'])
        for figure in _base_.papers.csd_voc12.figures
    ],
    differs='trained as long as with CSD; else as on IRN with CSD',
)
paper = dict(_base_.papers.csd_voc12, variants=[trained_as_long])
