"""What survives a crash: totals, snapshots, and where to go on with a partition.

`snapshot.py`, `ledger.py` and `resume.py` decide; `folder.py` alone touches the disk. Others may
import any of them.
"""
