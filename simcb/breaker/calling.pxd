cimport cython

from simcb.breaker.machine cimport Machine
from simcb.breaker.permit cimport Permit
from simcb.breaker.states cimport Period

cdef long ADMITTED
cdef long SETTLED

cdef class Calls(Machine):
    @cython.locals(permit=Permit, state=Period)
    cpdef Permit acquire(self)
    @cython.locals(permit=Permit)
    cpdef _call(self, func, tuple args, dict kwargs)
