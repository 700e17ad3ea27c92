from simcb.world.streams cimport AttemptStreams

cdef class FaultWindow:
    cdef public str label
    cdef public object fault
    cdef public double start
    cdef public double end
    cdef public object kind
    cdef public object caller
    cdef public double reach
    cdef public double ramp
    cdef public double fault_factor
    cdef bint _sticky
    cpdef double draw(self, str caller, AttemptStreams node, long number) except? -1
    cpdef bint strikes(self, double now, str caller, AttemptStreams node, long number) except? -1
    cpdef double strength(self, double t) except? -1
    cpdef double slowed(self, double now, double work) except? -1
    cpdef double cold_factor(self, long warmed) except? -1

cdef class InForce:
    cdef public list refusing
    cdef public list losing
    cdef public list working
    cdef public list hanging
    cpdef bint refuses(self, double now, str caller, AttemptStreams node, long number) except? -1
    cpdef bint loses(self, double now, str caller, AttemptStreams node, long number) except? -1
    cpdef tuple effect(self, double now, str caller, AttemptStreams node, long number, double work, warmed)
    cpdef double hang_ends(self, double now, str caller, AttemptStreams node, long number) except? -1
