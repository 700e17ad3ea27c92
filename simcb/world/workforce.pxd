cdef class _Paces:
    cdef list _moments
    cdef list _paces
    cpdef double finish(self, double now, double work) except? -1

cdef class Workforce:
    cdef public object changes
    cdef list _moments
    cdef list _counts
    cdef _Paces _paces
    cdef _Paces _paces_but_pauses
    cdef public bint steady
    cpdef double finish(self, double now, double work) except? -1
