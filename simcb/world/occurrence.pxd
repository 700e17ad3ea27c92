cdef class Occurrence:
    cdef public object callback
