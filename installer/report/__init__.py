"""Reports: what a run was, did and came to, for whoever must approve the machine.

Owns report.json, report.html and the folder that they are kept in. A report is made from a plan and
the events of its run; no screen is asked and nothing is decided here.
"""
