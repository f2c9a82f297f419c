"""`make bench`: Estafeta beside bare Postfix and beside a milter that does nothing, in one run.

messages     what is sent
load         the SMTP client, the same for every contender
noop_milter  pymilter with every callback declared `noreply`, accepting everything
reference    a Postfix instance with one listener bare and one behind the no-op milter
subject      Estafeta's sandbox, its mail discarded as the reference's is
web          pixel and redirect beside uvicorn alone, while the store is written to
measure      rounds, CPU from /proc, memory
"""
