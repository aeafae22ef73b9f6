# AdvCAM on IRN's CAM network, VOC 2012. The training is that of
# cam_r50_voc12.py, whose checkpoint fits; --tta climbs.
#   python tools/make_cams.py configs/advcam/advcam_r50_voc12.py \
#       work_dirs/cam_r50_voc12/epoch_5.pth --tta
_base_ = '../cam/cam_r50_voc12.py'
tta_model = dict(type='mmseg_wsss.AdversarialCAMTTAModel', class_batch=2)
