# AdvCAM on the CAM network of voc_mini. The training is that of
# cam_mobilenetv2_voc-mini.py, whose checkpoint fits; --tta climbs.
_base_ = '../cam/cam_mobilenetv2_voc-mini.py'
tta_model = dict(type='mmseg_wsss.AdversarialCAMTTAModel')
