"""The words that are put into messages, in every language a message can ask for.

sentences.toml   the sentences themselves, one table for each language: the file to extend
sentences        the table read and checked, once, when the process starts
markup           sentences as HTML: ASCII, so that it fits every charset
plain            sentences as plain text, in the charset of the part they are put into
"""
