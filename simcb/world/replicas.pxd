cimport cython

from simcb.world.clock cimport Clock
from simcb.world.occurrence cimport Occurrence
from simcb.world.conditions cimport Conditions, FaultWindow, InForce
from simcb.world.recorder cimport Recorder
from simcb.world.streams cimport AttemptStreams
from simcb.world.tasks cimport Attempt, Server
from simcb.world.workforce cimport Workforce

cdef long _DONE
cdef long _CONDITIONS
cdef long _HUNG
cdef long _DROPPED
cdef long _THROTTLED
cdef long _TAKEN
cdef long _NEXT
cdef long _LOOKED_AT
cdef long OK
cdef long ERROR
cdef long REFUSED
cdef long THROTTLED
cdef long ANSWERED
cdef long DROPPED
cdef long NEITHER
cdef double _HOLD_WEIGHT

cdef class Replica(Server):
    cdef public tuple sites
    cdef Clock _clock
    cdef Recorder _recorder
    cdef double _errors
    cdef double _contention
    cdef bint _blocking
    cdef bint _drops
    cdef bint _stops
    cdef object _gate
    cdef object _delay_limit
    cdef double _limit
    cdef bint _lifo
    cdef Conditions _conditions
    cdef bint _may_hang
    cdef dict _held
    cdef InForce _active
    cdef double _change_at
    cdef double _hold
    cdef object _done_callback
    cdef object _warmth
    cdef object _warmth_so_far
    cdef Workforce _workforce
    cdef public long busy
    cdef public object queue
    cdef bint _steady
    cdef public long capacity
    cdef long _served
    cdef dict _served_before
    cdef public object falls
    cdef object _crash
    cdef list _checks
    cdef object _meter
    cdef dict _inside
    cdef bint _watched
    cpdef long load(self) except? -1
    cpdef _look_around(self, double now)
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
    @cython.locals(active=InForce, begin=double, work=double, done=double)
    cpdef bint would_answer(self, str caller, AttemptStreams node, long number, timeout, double ways, double now) except? -1
    cpdef double _wait(self, double now) except? -1
    @cython.locals(active=InForce, attempt=Attempt, caught=long, head=list)
    cpdef double _caught_share(self, double now) except? -1

cdef class _Still(Occurrence):
    cdef public Attempt attempt
