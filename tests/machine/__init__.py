"""A small Linux in a process of its own, with this machine's files and drives to be pulled.

    with run_machine(folder, fetched_kernel(), drive) as machine:
        stick = Stick(machine, Format.FAT32)

User-mode Linux: a real kernel with the real drivers of FAT and ext4, which asks the host for
neither KVM nor loop devices. It has one processor and no network, and sees the host's files
read-only.
"""
