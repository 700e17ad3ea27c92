cimport cython

from simcb.breaker.flights cimport Flight
from simcb.breaker.windows cimport Window

cdef class Period:
    cdef public long calls
    cdef public long generation
    cdef public object since
    cdef public long streak
    cdef public bint unheard
    cdef public bint untimed

cdef class ClosedState(Period):
    cdef public object credit
    cdef public tuple flights
    cdef public bint judges
    cdef public object mode
    cdef public tuple totals
    cdef public tuple windows
    @cython.locals(window=Window, place=Py_ssize_t, calls=long, before=long, after=long)
    cpdef tuple with_one_more(self, bint failed, took, now, long streak, Flight permit)

cdef class OpenState(Period):
    cdef public object deadline
    cdef public object last_error
    cdef public object mode
    cdef public object reason
    cdef public long row
    cdef public object wait

cdef class RampState(ClosedState):
    cdef public object length
    cdef public OpenState opened
    cdef public object start

cdef class Probe:
    cdef public long inner
    cdef public long most
    cdef public OpenState ramp
    cdef public object until

cdef class HalfOpenState(Period):
    cdef public object ended
    cdef public OpenState opened
    cdef public object policy
    cdef public tuple probes
    cdef public tuple rules
