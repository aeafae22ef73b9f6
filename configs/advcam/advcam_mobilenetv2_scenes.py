# AdvCAM on the CAM network of the built-in scenes. The training is that of
# cam_mobilenetv2_scenes.py, whose checkpoint fits; --tta climbs.
_base_ = '../cam/cam_mobilenetv2_scenes.py'
tta_model = dict(type='mmseg_wsss.AdversarialCAMTTAModel')
