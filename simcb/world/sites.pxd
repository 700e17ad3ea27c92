cimport cython

from simcb.world.clock cimport Clock, Expiries
from simcb.world.occurrence cimport Occurrence
from simcb.world.recorder cimport Recorder
from simcb.world.routing cimport Guard, LoadBalancer
from simcb.world.streams cimport AttemptStreams, CallStreams
from simcb.world.tasks cimport Attempt, Server, Site, Task
from simcb.world.verdicts cimport Verdicts

cdef long _ASK
cdef long _DONE
cdef long _DROPPED
cdef long _HEDGE
cdef long _LOST
cdef long _UNNEEDED
cdef long _NOT_YET
cdef long OK
cdef long ABANDONED
cdef long DEGRADED
cdef long REJECTED
cdef long SHED
cdef long THROTTLED
cdef long TIMEOUT

cdef class _Retry(Occurrence):
    cdef public long retry
    cdef public Task task
    cdef public double waited

cdef class CallSite(Site):
    cdef Clock _clock
    cdef Recorder _recorder
    cdef long _slot
    cdef LoadBalancer _balancer
    cdef Guard _guard
    cdef Guard _outer_guard
    cdef Verdicts _verdicts
    cdef Guard _own_guard
    cdef double _share
    cdef object _timeout
    cdef Expiries _timeouts
    cdef bint _travels
    cdef object _limits
    cdef object _throttle
    cdef long _max_retries
    cdef frozenset _retried
    cdef object _budget
    cdef object _wait
    cdef object _hit_rate
    cdef object _cache
    cdef bint _each_try
    cdef double _heeded
    cdef bint _elsewhere
    cdef object _arrive_callback
    cdef object _reply_callback
    @cython.locals(attempt=Attempt, guard=Guard, made=CallStreams, replica=Server, breaker=long, now=double)
    cpdef try_once(self, Task task, long retry, double waited, AttemptStreams node=*)
    cpdef reject(self, Task task, AttemptStreams node, long retry, long breaker)
    cpdef _write_unsent(self, Task task, long retry, long breaker, long outcome, long flags)
    @cython.locals(replica=Server)
    cpdef _send(self, Attempt attempt, double now)
    cpdef _note_tried(self, Task task, Server replica)
    cpdef _arrive(self, Attempt attempt)
    cpdef _reply(self, Attempt attempt)
    cpdef _hear(self, Attempt attempt, long outcome)
    cpdef expire(self, Attempt attempt)
    cpdef _leave(self, Attempt attempt, long outcome)
    cpdef _settle(self, Attempt attempt, long outcome)
    cpdef _settle_request(self, Task task, long outcome)
    @cython.locals(made=CallStreams)
    cpdef _after_failure(self, Task task, long retry, double waited, long outcome)
    cpdef _give_up(self, Task task, long outcome)
    cpdef _serve(self, Task task)
    @cython.locals(streams=CallStreams)
    cpdef bint _falls_back(self, Task task) except? -1
    @cython.locals(task=Task)
    cpdef try_again(self, _Retry event)
    cpdef bint _admit_request(self, Task task, Guard guard) except? -1

cdef class _Reply(Occurrence):
    cdef public Attempt attempt
