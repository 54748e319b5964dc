#!/bin/bash
# Fetches all images into squash files before the jobs of the day.
readonly TARGET=/lustre/images

fetch() {
    local uri=$1 name=${2:-image}
    if [[ -f $TARGET/$name.sqsh ]]; then
        return
    fi
    enroot import -a x86_64 --output "$TARGET/$name.sqsh" "docker://$uri"
}

function main {
    fetch 'user@nvcr.example#nvidia/cuda:12.3.1-devel' cuda
    fetch alpine
    for image in jupyter/{base,datascience}; do :; done
    for tag in 3.10 3.11; do fetch python:$tag-slim "python-$tag"; done
    enroot import dockerd://site/tools:latest
    enroot start --rw cuda true
    enroot create $TARGET/cuda.sqsh
}

main "$@" |& tee mirror.log

ssh login2 "podman pull quay.example/ops/agent:7"
bash -c "docker pull ${EXTRA_REGISTRY:-quay.example}/ops/probe:2" || exit 1
xargs -n1 docker pull < names.txt
`singularity pull docker://quay.example/ops/backticks:1`
apptainer build site.sif site.def
launch-job docker://quay.example/ops/unknown:1
