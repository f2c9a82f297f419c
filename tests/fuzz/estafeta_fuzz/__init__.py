"""What parses bytes of strangers, each with what must hold for every input.

targets     the table: a name, its promise, what tries it
seeds       where inputs begin: test cases, corpora, inputs that once broke something
mutants     inputs made of others by chance, from a seed
mutate      every target with so many mutants, in this process
covered     one target by atheris, which looks for inputs that reach new code
smtp        mutants over SMTP, through a sandbox

An input that broke something lies in tests/fuzz/inputs/TARGET/ and is tried by every `make test`.
"""
