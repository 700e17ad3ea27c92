cimport cython

from simcb.world.occurrence cimport Occurrence
from simcb.world.recorder cimport Recorder
from simcb.world.replica_state cimport ReplicaState
from simcb.world.streams cimport AttemptStreams
from simcb.world.tasks cimport Attempt

cdef long _DONE
cdef long _CONDITIONS
cdef long _HUNG
cdef long _DROPPED
cdef long _THROTTLED
cdef long _TAKEN
cdef long _NEXT
cdef long OK
cdef long ERROR
cdef long REFUSED
cdef long THROTTLED
cdef long ANSWERED
cdef long DROPPED
cdef long NEITHER
cdef double _HOLD_WEIGHT

cdef class Replica(ReplicaState):
    cdef Recorder _recorder
    cdef bint _blocking
    cdef bint _drops
    cdef bint _stops
    cdef object _delay_limit
    cdef object _done_callback
    cdef object _crash
    cdef object _meter
    cdef dict _inside
    cdef bint _watched
    @cython.locals(node=AttemptStreams, number=long, others=long, work=double, done=double)
    cpdef _start(self, Attempt attempt, double now)
    cpdef _done(self, Attempt attempt)
    cpdef complete(self, Attempt attempt, long outcome)
    cpdef _see_out(self, Attempt attempt, long how)
    cpdef _release(self, Attempt attempt)
    cpdef _dispatch(self)
    cpdef _lose(self, Attempt attempt)
    cpdef _drop(self, Attempt attempt, double now)
    cpdef _cancel(self, Attempt attempt)

cdef class _Still(Occurrence):
    cdef public Attempt attempt
