cimport cython

from simcb.breaker.flights cimport Grant
from simcb.world.clock cimport Waiter
from simcb.world.streams cimport AttemptStreams

cdef class Task(Waiter)
cdef class Attempt(Task)
cdef class Request(Waiter)

cdef class Site:
    cdef public long index
    cdef public str caller
    cpdef ask(self, Task task)
    cpdef bint is_open(self, double now) except? -1
    cpdef answer(self, Attempt attempt, long outcome)
    cpdef expire(self, Attempt attempt)
    cpdef abandon(self, Attempt attempt)

cdef class Server:
    cdef public long index
    cdef public bint loses_attempts
    cpdef long offer(self, Attempt attempt, double now) except? -1
    cpdef bint loses(self, Attempt attempt, double now) except? -1
    cpdef long load(self) except? -1
    cpdef bint would_answer(self, str caller, AttemptStreams node, long number, timeout, double ways, double now) except? -1
    cpdef answered(self, Attempt attempt, long outcome)
    cpdef abandoned(self, Attempt attempt)

cdef class Origin:
    cdef public long index
    cdef public long priority
    cpdef close(self, Request request, long outcome)

cdef class Task(Waiter):
    cdef public long number
    cdef public long request_row
    cdef public long attempt_row
    cdef public tuple sites
    cdef public tuple streams
    cdef public long step
    cdef public double told
    cdef public object tried
    cdef public Attempt current
    cdef public Grant permit
    cdef public bint over
    cdef public bint degraded
    @cython.locals(site=Site)
    cpdef proceed(self)
    cpdef deliver(self)
    cpdef break_off(self, long outcome)
    cpdef stop(self)

cdef class Request(Waiter):
    cdef public Origin group
    cdef public long number
    cdef public long request_row
    cdef public tuple sites
    cdef public double start
    cdef public long user_attempts
    cdef public list alive
    cdef public long open_place
    cdef public long cause
    cpdef prepare(self, Origin group, long number, tuple sites, double start)

cdef class UserAttempt(Task):
    cdef public Request request
    cpdef prepare(self, Request request, tuple streams)

cdef class Attempt(Task):
    cdef public Site site
    cdef public Task task
    cdef public AttemptStreams node
    cdef public long retry
    cdef public double waited
    cdef public Grant entry
    cdef public long breaker
    cdef public double start
    cdef public Server replica
    cdef public long replica_index
    cdef public double end
    cdef public double arrive
    cdef public double begin
    cdef public double freed
    cdef public double asked
    cdef public long outcome
    cdef public long open_place
    cdef public long flags
    cdef public bint sent
    cdef public bint owed
    cdef public bint fails
    cdef public bint finished
    cdef public long answer
    cdef public double retry_after
    @cython.locals(never=double)
    cpdef prepare(self, Site site, Task task, AttemptStreams node, long retry, double waited, Grant entry, long breaker, double start, Server replica)

cpdef time_out(Attempt attempt)
