from simcb.breaker.listeners cimport Listeners
from simcb.breaker.permit cimport Permit
from simcb.breaker.states cimport ClosedState, OpenState, Period

cdef class Decisions(Listeners):
    cdef public bint _ages
    cdef public object _clock
    cdef public list _counts
    cdef public object _draw
    cdef public object _half_open
    cdef public object _inner_calls
    cdef public object _latest
    cdef public object _no_draw
    cdef public object _random
    cdef public tuple _rules
    cdef public Period _state
    cdef public object _threshold
    cdef public bint _timed
    cpdef _now_locked(self)
    cpdef bint _replace_locked(self, Period seen, Period new, reason, Permit permit=*, long generation=*, long kind=*) except? -1
