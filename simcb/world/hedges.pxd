from simcb.world.clock cimport Expiries, Waiter
from simcb.world.sites cimport CallSite
from simcb.world.tasks cimport Attempt, Task

cdef long ABANDONED
cdef long OK

cdef class _Race(Waiter):
    cdef public list attempts
    cdef public long hedges
    cdef public long retry
    cdef public Task task
    cdef public double waited

cdef class HedgingSite(CallSite):
    cdef long _most
    cdef double _after
    cdef object _hedges
    cdef Expiries _timers
    cdef dict _races
    cpdef _ask_again(self, _Race race)
    cpdef _end(self, _Race race)
