"""Everything with a loop, a socket or a signal; one package per process, plus what all share."""
