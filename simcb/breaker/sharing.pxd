cdef class Shared:
    pass

cdef class Locked(Shared):
    cdef object __weakref__
    cdef public object _lock
