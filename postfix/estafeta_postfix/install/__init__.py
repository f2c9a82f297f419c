"""Our services in a Postfix that serves other mail too: added, shown, tried and taken back.

parts       main.cf and master.cf as the operator's lines and ours
server      Postfix's own commands
facts       what is there: the operator's part, as Postfix reads it
wanted      what is wanted: our part, from the configuration
conflicts   what stands in the way, each with its remedy
intake      whether mail for bounce_domain has a way in
probes      whether sockets and listeners answer
records     journal, manifest and backups below state_dir
change      install, uninstall: from what is there to what is wanted

The operator's lines are never written anew, and nothing of theirs is widened: what our services need is
said with `-o` at our services (render/shared.py), and main.cf gets only settings that no service can have.
"""
