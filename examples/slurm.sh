#!/usr/bin/env bash
# One run on several GPU machines under SLURM; it survives time limits and preemption.
#
#     sbatch examples/slurm.sh CONFIG.yaml RUN
#
# Each GPU gets a task. Two minutes before the end SLURM asks for one (SIGTERM): the run saves itself and leaves with
# code 130, and the job goes back into the queue, where --resume goes on after the saved step. A task that fails takes
# the others with it (--kill-on-bad-exit). The run folder and the cohort must lie where all machines see them.
#SBATCH --job-name=adfair
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
set -uo pipefail

srun --kill-on-bad-exit=1 python -m adfair train "$1" --out "$2" --resume \
    --devices "$SLURM_NTASKS_PER_NODE" --nodes "$SLURM_NNODES"
code=$?
if [ "$code" -eq 130 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
