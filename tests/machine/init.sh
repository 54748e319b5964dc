#!/bin/sh
# First process of a guest, whose root is the host's, read-only; then the agent is.
# From the kernel's command line: exchange, python, tree; modules lie in folder `kernel`.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc none /proc
mount -t sysfs none /sys
for place in /mnt /run /dev/shm; do mkdir -p "$place"; mount -t tmpfs none "$place"; done
mkdir -p /mnt/usb /mnt/exchange /run/tmp
mount -t hostfs -o "$exchange" none /mnt/exchange
for module in "$kernel"/*.ko; do insmod "$module"; done
mount -t configfs none /sys/kernel/config
cd "$tree" || exit
export TMPDIR=/run/tmp HOME=/run PYTHONDONTWRITEBYTECODE=1
exec "$python" -m tests.machine.agent
