#!/bin/bash
source ./images.env
for size in small large; do
sbatch --gpus=2 <<JOB
#!/bin/bash
#SBATCH --gpus-per-task=1
#SBATCH --container-image=$SOLVER
srun --container-image=$SOLVER solve --size $size \$SLURM_JOB_ID
JOB
done
sbatch --wrap="srun --container-image=${POST_IMAGE} post --all"
salloc -N1 -G 4 srun --pty --container-image=$VIEWER bash
case "$1" in
  debug) EXTRA=debugger:1 ;;
  profile | trace) EXTRA=profiler:2 ;;
  *) EXTRA=plain:3 ;;
esac
srun --container-image=tools/$EXTRA true
