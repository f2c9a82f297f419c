"""The message as the milter sees it: parts found by offset, bytes kept.

part          the values: a part of the MIME tree, the bounds of a scan, the verdict past a bound
parameters    one structured field value (Content-Type, Content-Disposition) taken apart in linear time
file_names    the name of a file, as mail programs read it, and made harmless
fields        what a header block says about its part, and what about it is ambiguous
mend          a multipart whose boundary does not fit its delimiters, as Teenvio's manual prints one
scanner       (top-level headers, body) -> the tree of parts, by offsets into the body
texts         which parts are bodies, which of them may be rewritten, and which may be tracked
attachments   which parts readers show as files
content_ids   which part a `cid:` reference means
charsets      which charsets can be edited as ASCII-compatible bytes or read at all, and their codecs
transfer      content transfer encodings, there and back
splice        replaced spans put into bytes, once
cuts          parts taken out of a body
render        changed texts back into header fields and body, and the cuts made
message       `Message`, the value that rules read and handlers exchange

Everything here is pure: bytes in, values out. What nobody changed is never copied and
leaves as it came.
"""
