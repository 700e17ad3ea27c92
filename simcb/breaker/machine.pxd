cimport cython

from simcb.breaker.decisions cimport Decisions
from simcb.breaker.permit cimport Permit
from simcb.breaker.states cimport ClosedState, HalfOpenState, OpenState, Period

cdef long ADMITTED
cdef long FAILURES
cdef long IGNORED
cdef long REJECTED
cdef long SETTLED
cdef long STALE
cdef long SUCCESSES

cdef class Machine(Decisions):
    @cython.locals(state=Period)
    cpdef _admit(self, Permit permit)
    @cython.locals(permit=Permit, state=Period)
    cpdef Permit _grant(self)
    @cython.locals(seen=Period, opened=OpenState)
    cdef _admit_locked(self, Permit permit)
    @cython.locals(state=Period)
    cpdef _succeed(self, Permit permit)
    @cython.locals(state=Period)
    cdef _succeed_alone(self, Permit permit)
    cdef _settle_alone(self, Permit permit, long kind)
    cdef _settle(self, Permit permit, long kind, error)
    @cython.locals(calls=long, failed=bint)
    cpdef bint _record_locked(self, Permit permit, long kind, ClosedState seen, now, error) except? -1
