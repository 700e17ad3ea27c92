cimport cython

from simcb.breaker.flights cimport Grant
from simcb.world.streams cimport AttemptStreams
from simcb.world.tasks cimport Server

cdef class LoadBalancer:
    cdef public tuple every
    cdef public tuple replicas
    cdef long _turn
    cpdef long first(self, AttemptStreams node, long number) except? -1
    cpdef take(self, long place)
    cpdef Server pick(self, AttemptStreams node, long number)
    @cython.locals(first=long, count=long, place=long, offset=long)
    cpdef Server other(self, AttemptStreams node, long number, tried)
    cpdef bint would_answer(self, str caller, AttemptStreams node, long number, timeout, double ways, double now) except? -1

cdef class ChoosingBalancer(LoadBalancer):
    pass

cdef class RandomBalancer(ChoosingBalancer):
    pass

cdef class LeastBusyBalancer(ChoosingBalancer):
    @cython.locals(count=long, least=long, found=long, offset=long, place=long, load=long, replica=Server)
    cpdef long first(self, AttemptStreams node, long number) except? -1

cdef class Guard:
    cdef public long index
    cdef object _make
    cdef object _breaker
    cdef public object ask
    cdef public object tried
    cdef public Server replica
    cpdef Grant admit(self, LoadBalancer balancer, AttemptStreams node, long number)

cdef class Unguarded(Grant):
    pass

cdef class ReplicaGuard(Guard):
    cdef object _make_for
    cdef long _first_index
    cdef bint _keeps
    cdef object _health
    cdef list _asks
    cdef list _breakers
    @cython.locals(first=long, count=long, place=long, offset=long)
    cpdef Grant admit(self, LoadBalancer balancer, AttemptStreams node, long number)
    cpdef Grant _admit_in_panic(self, LoadBalancer balancer, health, long first)
    cpdef Grant _ask_at(self, long place)
    cpdef Grant _goes(self, LoadBalancer balancer, long place, Grant permit)
