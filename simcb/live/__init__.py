"""A scenario's services on real sockets, by the wall clock, and what becomes of them there.

The services are those of the simulation: the same workers, queues, faults and random streams.
What differs is who turns the clock, and that every attempt is a request of HTTP. The room knows
no terminal and draws nothing.
"""
