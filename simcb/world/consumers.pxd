from simcb.world.clients cimport OpenGroup
from simcb.world.occurrence cimport Occurrence
from simcb.world.tasks cimport Request

cdef long _ASK
cdef long ABANDONED
cdef long REJECTED
cdef long REQUEST_FAILED

cdef class ConsumerGroup(OpenGroup):
    cdef object _lag
    cdef object _idle
    cdef set _gone
    cdef dict _at_work
    cdef long _came
    cdef object _law
    cdef long _first
    cdef object _look_callback
    cdef object _return_callback
    cpdef Request _produce(self, long number)
    cpdef _pause(self, long consumer, double seconds)

cdef class _Look(Occurrence):
    cdef public long consumer

cdef class _Hidden(Occurrence):
    cdef public Request request
