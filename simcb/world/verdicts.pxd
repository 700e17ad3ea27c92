from simcb.breaker.flights cimport Grant
from simcb.world.tasks cimport Task

cdef long OK
cdef long THROTTLED

cdef class Verdicts:
    cdef frozenset _failing
    cdef frozenset _ignored
    cpdef tell(self, Grant permit, long outcome, Task task)
