cimport cython

from simcb.world.heap cimport Heap
from simcb.world.occurrence cimport Occurrence

cdef long _COMPACT_FROM

cdef class Clock(Heap):
    cdef long _most_turns
    cdef long _turns
    cdef long _patience
    cdef long _still
    cdef double _still_at
    cdef dict _timers
    cpdef clear(self)
    cpdef double read(self) except? -1
    cpdef long turn(self) except? -1
    cpdef _check_progress(self)
    cpdef at(self, double time, long order, Occurrence event)

cdef class Waiter(Occurrence):
    cdef public double since
    cdef public long turn
    cdef public bint settled

cdef class Expiries:
    cdef Clock _clock
    cdef double _delay
    cdef long _order
    cdef object _expire
    cdef list _waiting
    cdef Py_ssize_t _head
    cdef bint _armed
    cdef Py_ssize_t _compact_at
    cdef Occurrence _event
    @cython.locals(waiting=list)
    cpdef add(self, Waiter waiter)
    @cython.locals(left=list, kept=list)
    cpdef _compact(self)
    cpdef _arm(self, Waiter waiter)
    @cython.locals(head=Waiter, waiting=list, place=Py_ssize_t)
    cpdef _wake(self, object _)
