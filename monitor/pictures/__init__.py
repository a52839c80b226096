"""What a picture's file holds, and which pixels it is: files and the daemon's codec agree here.

`reading.py` is the one way from bytes to pixels. Before Pillow sees a file, it is cut down to what
its pixels need (`parts.py`, `tiff.py`) and what it claims is bounded; afterwards `whole.py` tells
whether the file held all of them.
"""
