"""Tools that do nothing but leave files, and a pipeline for them."""

import json
import sys
from pathlib import Path

COMMON = """
import json, os, sys, time
from pathlib import Path
from zipfile import ZipFile

argv = sys.argv[1:]
work_dir = Path(argv[argv.index('--work-dir') + 1])
root = Path(__file__).parents[1]
cfg = {}
exec(Path(argv[0]).read_text(), cfg)
cfg.pop('__builtins__')
with open(root / 'calls.jsonl', 'a') as file:
    call = dict(stage=work_dir.name, argv=argv, cfg=cfg, env=dict(os.environ))
    file.write(json.dumps(call) + '\\n')
order = json.loads((root / 'orders.json').read_text()).get(work_dir.name)
print('a line of', work_dir.name)
"""
TRAIN = """
last = work_dir / 'last_checkpoint'
begin = int(last.read_text()[-5]) if cfg.get('resume') else 0
for epoch in range(begin + 1, 4):
    # As MMEngine does: the old goes before the new comes, the note is last.
    (work_dir / f'epoch_{epoch - 2}.pth').unlink(missing_ok=True)
    with ZipFile(work_dir / f'epoch_{epoch}.pth', 'w') as file:
        file.writestr('model', cfg['model']['type'])
    last.write_text(str(work_dir / f'epoch_{epoch}.pth'))
    if order == 'hang' and epoch == 2:
        time.sleep(60)
    if order == 'fail' and epoch == 2:
        sys.exit('ValueError: the cat is not a dog')
print('x - mmengine - INFO - Epoch(val) [3][6/6]    aAcc: 70.10  '
      'mIoU: 45.97  data_time: 0.0021  time: 0.0190')
scalars = work_dir / '2026' / 'vis_data' / 'scalars.json'
scalars.parent.mkdir(parents=True, exist_ok=True)
scalars.write_text('{"aAcc": 70.1, "mIoU": 45.97, "time": 0.019, "step": 3}')
"""
LABELS = """
folders = ('labels', 'cams') if 'cams.py' in __file__ else ('labels',)
for folder in folders:
    (work_dir / folder).mkdir(exist_ok=True)
    for name in range(5):
        if order == 'nothing':
            continue
        (work_dir / folder / f'{name}.png').write_text('x')
        if order == 'fail' and name == 2:
            sys.exit(1)
figures = {'mIoU': 48.41, 'FP': 30.66, 'FN': 20.92}
(work_dir / 'label_summary.json').write_text(json.dumps(figures))
"""
PREDICT = """
out = Path(argv[argv.index('--out') + 1])
out.mkdir(exist_ok=True)
(out / '0.png').write_text('x')
(work_dir / '2026').mkdir(exist_ok=True)
(work_dir / '2026' / '2026.json').write_text('{"mIoU": 40.0, "time": 0.1}')
"""
TOOLS = {
    'train.py': TRAIN,
    'make_cams.py': LABELS,
    'make_pseudo_labels.py': LABELS,
    'test.py': PREDICT,
}
DATA = """
label_file = '{root}/labels.json'
loader = dict(
    num_workers=4,
    persistent_workers=True,
    dataset=dict(
        type='X',
        data_root='{root}',
        ann_file='list.txt',
        data_prefix=dict(img_path='images', seg_map_path='nowhere'),
        pipeline=[
            dict(type='LoadAnnotations'),
            dict(type='mmseg_wsss.LoadImageLabels', ann_file=label_file),
        ],
    ),
)
train_dataloader = loader
test_dataloader = loader
"""
CONFIGS = {
    'cam.py': "model = dict(type='CAM', width=1)\nload_from = None\n",
    'crf.py': (
        "load = dict(type='mmseg_wsss.LoadCAM', cam_dir='nowhere')\n"
        "refine_pipeline = [load, dict(type='AddBackground', alpha=2)]\n"
    ),
    'ce.py': "model = dict(type='CE', loss=['ce'])\n",
    'ocr.py': "_base_ = './ce.py'\nmodel = dict(type='OCR')\n",
}
PIPELINE = """
use = dict(refine=True, ocr=False)
options = {{'randomness.seed': 0}}
stages = dict(
    classifier=dict(config='{root}/cam.py'),
    cams=dict(
        config='{{classifier.config}}',
        inputs=dict(checkpoint='{{classifier.checkpoint}}'),
    ),
    refine=dict(
        config='{root}/crf.py', inputs=dict(cams='{{cams.cams}}')
    ),
    segmentor=dict(
        config='{root}/ce.py',
        inputs=dict(labels='{{refine.labels}}'),
        when=dict(ocr=dict(config='{root}/ocr.py')),
    ),
    evaluate=dict(
        config='{{segmentor.config}}',
        inputs=dict(checkpoint='{{segmentor.checkpoint}}'),
    ),
)
"""


def make(root: Path) -> Path:
    """Write tools, configs, data and a pipeline; returns the last."""
    (root / 'tools').mkdir(parents=True)
    for name, body in TOOLS.items():
        (root / 'tools' / name).write_text(COMMON + body)
    for name, body in CONFIGS.items():
        data = '' if '_base_' in body else DATA.format(root=root)
        (root / name).write_text(data + body)
    (root / 'labels.json').write_text('{}')
    (root / 'list.txt').write_text('0\n1\n')
    pipeline = root / 'pipeline.py'
    pipeline.write_text(PIPELINE.format(root=root))
    orders(root)
    return pipeline


def orders(root: Path, **by_stage: str) -> None:
    """Tell the tools of some stages to fail, hang or make nothing."""
    (root / 'orders.json').write_text(json.dumps(by_stage))


def calls(root: Path) -> list[dict]:
    """Return the calls of tools since the last time."""
    file = root / 'calls.jsonl'
    if not file.is_file():
        return []
    lines = file.read_text().splitlines()
    file.unlink()
    return [json.loads(line) for line in lines]


def run(pipeline: Path, **options) -> list[str]:
    """Run all stages that are on; returns what was said."""
    from mmseg_wsss.workflow.pipeline import Launch, read_plan, run_stage

    root = pipeline.parent
    said: list[str] = []
    plan = read_plan(pipeline, options, root / 'work')
    for stage in plan.on:
        run_stage(plan, stage, Launch(tools=root / 'tools'), said.append)
    return said


if __name__ == '__main__':
    run(Path(sys.argv[1]))
