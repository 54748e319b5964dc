#!/bin/sh -e
: "${TAG:=1.4}"
DOCKER="sudo docker"
OPTS="--rm --network host -v $PWD:/work"

$DOCKER pull -q redis:7-alpine
sudo -E docker run -d --name cache -p 6379:6379 --restart=unless-stopped redis:7-alpine
docker --context gpu run --gpus all -it $OPTS -e "A=b c" --entrypoint /bin/sh \
    registry.example:5000/team/app:$TAG -c 'docker run not/this:1'
nvidia-docker run --rm -ti nvidia/cuda:12.3.1-base nvidia-smi
podman run --device nvidia.com/gpu=all --security-opt=label=disable \
    docker://docker.io/library/ubuntu:22.04 true
docker run --gpus '"device=0,2"' --platform linux/arm64 tritonserver:24.01
ID=$(docker create -it --rm busybox:1.36) && docker start "$ID"
docker build -t team/local:dev . && docker run team/local:dev
docker run --rm "$MODEL_IMAGE" serve
docker run --rm ${1:-python:3.11-slim} python -V
docker run --rm $(cat image.txt)
docker run --frobnicate x y:1
docker compose up -d
cat list.txt | while read -r one; do docker pull "$one"; done
