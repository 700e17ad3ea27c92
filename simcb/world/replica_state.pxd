cimport cython

from simcb.world.clock cimport Clock
from simcb.world.conditions cimport Conditions, InForce
from simcb.world.streams cimport AttemptStreams
from simcb.world.tasks cimport Attempt, Server
from simcb.world.workforce cimport Workforce

cdef long _LOOKED_AT

cdef class ReplicaState(Server):
    cdef public tuple sites
    cdef Clock _clock
    cdef double _errors
    cdef double _contention
    cdef double _limit
    cdef object _gate
    cdef bint _lifo
    cdef Conditions _conditions
    cdef bint _may_hang
    cdef dict _held
    cdef InForce _active
    cdef double _change_at
    cdef double _hold
    cdef object _warmth
    cdef object _warmth_so_far
    cdef public long busy
    cdef public object queue
    cdef Workforce _workforce
    cdef bint _steady
    cdef public long capacity
    cdef long _served
    cdef dict _served_before
    cdef public object falls
    cdef list _checks
    cpdef long load(self) except? -1
    cpdef _look_around(self, double now)
    cpdef _answer_checks(self, double now)
    @cython.locals(active=InForce, begin=double, work=double, done=double)
    cpdef bint would_answer(self, str caller, AttemptStreams node, long number, timeout, double ways, double now) except? -1
    cpdef double _wait(self, double now) except? -1
    @cython.locals(active=InForce, attempt=Attempt, caught=long, head=list)
    cpdef double _caught_share(self, double now) except? -1
