"""HTML edited by offsets: the links of a text, its images, and what is put into it.

anchor      one link: what a handler is told, what it answers, and the URL it stands for
attributes  where the attributes of a start tag stand in the source
rewrite     links led through us, markup inserted at the top and the end of the body
cids        references to parts of the message, found and replaced
meta        the charset that a markup says it is in
inliner     style sheets as style attributes, by css-inline and within bounds
nesting     how deep and large a tree becomes, before anything builds it
sheets      what it takes to apply a style sheet

turbohtml is called from this package alone.
"""
