"""DKIM signatures (RFC 6376, RFC 8463): private keys in files, one header field a key.

keys          a private key of a file, read when it is first needed and again when the file has changed
canonical     the relaxed form of header fields and body, in which a message is signed
covered       which fields a signature covers
lines         a body as smtp(8) sends it
signature     a message and a key -> the value of DKIM-Signature
keyring       which keys sign a message of an account
"""
