"""Configuration and accounts from YAML files that operators own.

schema      what estafeta.yaml may hold
accounts    what a file of accounts.d may hold
normal      an account in the form that everybody reads
stored      accounts that are in the store: all of them once, then what has changed
load        files -> structs, every error with file, line and key
advice      what can be used and should be known
fixed       what a reload cannot change
live        the configuration in force: reloaded on change or request, kept when the new one is wrong
"""
