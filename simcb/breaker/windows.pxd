cimport cython

cdef class Window:
    cdef public bint fails
    cdef public object flights
    cdef public bint hears_all
    cdef public long minimum
    cdef public double rate
    cdef public object reason
    cdef public long row
    cdef public double slow
    cdef public long threshold
    cpdef bint trips(self, long calls, long before, long after, double now) except? -1

cdef class LateWindow(Window):
    cdef public long before
    cdef public Window window
    cpdef bint trips(self, long calls, long before, long after, double now) except? -1

cdef class CountWindow(Window):
    cdef public list ring
    cdef public long size
    cdef public long written
    @cython.locals(size=long, last=long, counted=long, inside=long, ring=list)
    cpdef bint trips(self, long calls, long before, long after, double now) except? -1

cdef class TimeWindow(Window):
    cdef public object moments
    cdef public double span
    @cython.locals(oldest=tuple, counted=long, inside=long, span=double)
    cpdef bint trips(self, long calls, long before, long after, double now) except? -1

cdef class PeriodWindow(Window):
    cdef public tuple began
    cdef public double since
    cdef public double span
    @cython.locals(began=tuple, counted=long, inside=long)
    cpdef bint trips(self, long calls, long before, long after, double now) except? -1
