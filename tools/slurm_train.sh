#!/usr/bin/env bash
# Train under slurm.
#   tools/slurm_train.sh PARTITION JOB_NAME CONFIG [arguments of train.py]
# GPUS (4), GPUS_PER_NODE (4), CPUS_PER_TASK (5) and SRUN_ARGS, as in MMSeg.
set -euo pipefail
if [ $# -lt 3 ]; then
    echo "usage: $0 PARTITION JOB_NAME CONFIG [arguments of train.py]" >&2
    exit 2
fi
partition=$1
job=$2
config=$3
shift 3
tools=$(cd "$(dirname "$0")" && pwd)
gpus=${GPUS:-4}
per_node=${GPUS_PER_NODE:-4}
# SRUN_ARGS is a list of words on purpose.
# shellcheck disable=SC2086
PYTHONPATH="$tools/..:${PYTHONPATH:-}" srun -p "$partition" \
    --job-name="$job" --gres=gpu:"$per_node" --ntasks="$gpus" \
    --ntasks-per-node="$per_node" --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    python -u "$tools/train.py" "$config" --launcher slurm "$@"
