#!/usr/bin/env bash
# Stages run with Apptainer; every image is in a table.
declare -A IMAGES=(
    [align]=quay.example/biocontainers/bwa:0.7.17
    [sort]="quay.example/biocontainers/samtools:1.19"
)
TOOLS=(fastqc:0.12 multiqc:1.19)

run() {
    local image=$1
    shift
    time apptainer --quiet exec --nv -B /scratch:/scratch --env A=b "docker://${image}" "$@"
}

for stage in align sort; do
    run "${IMAGES[$stage]}" run-stage "$stage"
done

for tool in "${TOOLS[@]}"; do
    mpirun -np 4 -x PATH singularity exec --cleanenv docker://ghcr.example/qc/$tool /bin/true
done

if [[ -n "${GPU:-}" && $GPU != 0 ]]; then
    flavour=cuda
else
    flavour=cpu
fi
apptainer pull --force model.sif docker://ghcr.example/model/server:2.1-$flavour
apptainer build -F tools.sif docker-daemon://tools:latest
apptainer instance start model.sif server
apptainer run library://sylabs/default/lolcow:1.0
singularity shell oras://ghcr.example/sif/thing:1
apptainer exec $(cat image.txt) true
