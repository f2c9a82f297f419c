"""HTML edited by offsets: the links of a text and its two pixels.

anchor      one link: what a handler is told, what it answers, and the URL it stands for
attributes  where the attributes of a start tag stand in the source
rewrite     the one place that reads a whole markup; edits by source offsets

turbohtml is called from this package alone.
"""
