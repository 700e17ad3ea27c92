from cpython.ref cimport PyObject

from simcb.world.occurrence cimport Occurrence


cdef struct Entry:
    double time
    long long rank
    PyObject* event


cdef class Heap:
    cdef public double now
    cdef Entry* _entries
    cdef Py_ssize_t _count
    cdef Py_ssize_t _room
    cpdef push(self, double time, long order, long turn, Occurrence event)
    cpdef clear(self)
    cdef Occurrence _pop(self)
    cpdef advance(self, double until)
    cpdef double due(self)
