"""HTML edited by offsets: the links of a text, its images, and what is put into it.

anchor      one link: what a handler is told, what it answers, and the URL it stands for
attributes  where the attributes of a start tag stand in the source
rewrite     links led through us, markup inserted at the top and the end of the body
cids        references to parts of the message, found and replaced
meta        the charset that a markup says it is in

turbohtml is called from this package alone.
"""
