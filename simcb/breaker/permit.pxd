from simcb.breaker.sharing cimport Locked

cdef class Permit

cdef class Issuer(Locked):
    cdef public str name
    cdef public object _judge
    cdef public object _recovery
    cdef _succeed(self, Permit permit)
    cdef _settle(self, Permit permit, long kind, error)

cdef class Permit:
    cdef public object _began
    cdef public Issuer _breaker
    cdef public long _generation
    cdef public object _probe
    cdef public object _retry_after
    cpdef success(self)
    cpdef ignore(self)
    cpdef _heed(self, retry_after)
