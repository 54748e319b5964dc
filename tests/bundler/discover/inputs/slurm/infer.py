#!/usr/bin/env python3
#SBATCH --job-name=infer
#SBATCH --gpus=a100:2,h100:1
#SBATCH --container-image="registry.example\#vision/infer:5.1"

import subprocess

subprocess.run("docker run not/read:1", shell=True)
