"""Everything of Estafeta on loopback, in one folder: for trying it out, for tests, for integrators.

layout        the names of all files below the folder
folder        a folder taken for one sandbox at a time
settings      estafeta.yaml of a sandbox, from the defaults or from a person's own
readiness     waiting until each part answers
description   what is running, as JSON and for people
run           puts it together, keeps it running, takes it down
"""
