cdef class Grant:
    cpdef success(self)
    cpdef _succeed(self)
    cpdef _fail(self)
    cpdef ignore(self)

cdef class Flight(Grant):
    cdef public object _began
    cdef public tuple _counted
    cdef public long _generation

cdef class Flights:
    cdef public object out
    cdef public object slow
