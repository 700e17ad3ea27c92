cimport cython

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
    cdef double _added
    cdef double _multiplied
    cpdef double draw(self, str caller, AttemptStreams node, long number) except? -1
    cpdef bint strikes(self, double now, str caller, AttemptStreams node, long number) except? -1
    cpdef double strength(self, double t) except? -1
    cpdef double slowed(self, double now, double work) except? -1
    cpdef double cold_factor(self, long warmed) except? -1

cdef class Calendar:
    cdef tuple _windows
    cdef list _changes
    cdef list _bounds
    cdef set _in_force
    cdef Py_ssize_t _passed
    cdef tuple _known
    cdef double _known_from
    cdef double _known_until
    cpdef tuple active(self, double now)

cdef class InForce:
    cdef public list refusing
    cdef public list losing
    cdef public list working
    cdef public list hanging
    @cython.locals(window=FaultWindow)
    cpdef bint refuses(self, double now, str caller, AttemptStreams node, long number) except? -1
    @cython.locals(window=FaultWindow)
    cpdef bint loses(self, double now, str caller, AttemptStreams node, long number) except? -1
    @cython.locals(window=FaultWindow, fails=bint, hung=bint)
    cpdef tuple effect(self, double now, str caller, AttemptStreams node, long number, double work, warmed)
    @cython.locals(window=FaultWindow, ends=double)
    cpdef double hang_ends(self, double now, str caller, AttemptStreams node, long number) except? -1

cdef class Conditions:
    cdef tuple _windows
    cdef Calendar _calendar
    cdef tuple _known
    cdef InForce _in_force
    cdef list _hangs
    cdef list _hang_ends
    cdef public bint hangs
    cdef public bint loses_attempts
    cdef public object next_change
    cpdef InForce active(self, double now)
    cpdef double hangs_until(self, double now) except? -1
