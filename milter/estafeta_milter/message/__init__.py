"""The message as the milter sees it: parts found by offset, bytes kept.

part          the values: a part of the MIME tree, the bounds of a scan, the verdict past a bound
parameters    one structured field value (Content-Type, Content-Disposition) taken apart in linear time
fields        what a header block says about its part, and what about it is ambiguous
scanner       (top-level headers, body) -> the tree of parts, by offsets into the body
texts         which parts of a tree may be tracked
charsets      which charsets can be edited as ASCII-compatible bytes, and their codecs
transfer      content transfer encodings, there and back
splice        replaced spans put into bytes, once
render        changed texts back into header fields and body
message       `Message`, the value that rules read and handlers exchange

Everything here is pure: bytes in, values out. What nobody changed is never copied and
leaves as it came.
"""
