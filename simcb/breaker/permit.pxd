from simcb.breaker.flights cimport Flight
from simcb.breaker.sharing cimport Locked

cdef class Permit

cdef class Issuer(Locked):
    cdef public str name
    cdef public object _judge
    cdef public object _recovery
    cpdef _succeed(self, Permit permit)
    cdef _succeed_alone(self, Permit permit)
    cdef _settle_alone(self, Permit permit, long kind)
    cdef _settle(self, Permit permit, long kind, error)

cdef class Permit(Flight):
    cdef public Issuer _breaker
    cdef public object _probe
    cdef public object _retry_after
    cpdef _heed(self, retry_after)
