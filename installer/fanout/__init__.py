"""The self-test on many nodes at once, by Slurm's `srun` or by `ssh`, and one table of it.

Owns which nodes are asked, how the call is built and run, what each node's report is worth and how
nodes compare. Must not import the self-test: it runs on the nodes, as any command does.
"""
