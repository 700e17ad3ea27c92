cimport cython

cdef long _MASK

cdef class Column:
    cdef dict _blocks
    cdef long _first
    cdef object _values
    cdef object _draws
    cdef tuple _key
    cdef object _sampler
    cdef long _kept
    @cython.locals(place=long, block=long)
    cpdef double at(self, long index) except? -1

cdef class GroupStreams:
    cdef public object tree
    cdef public str path
    cdef object _users
    cdef dict _draws
    @cython.locals(column=Column)
    cpdef double draw(self, str label, long request) except? -1

cdef class CallStreams:
    cdef object _call
    cdef GroupStreams _group
    cdef str _path
    cdef str _service
    cdef public list attempts
    cdef public Column fallback
    cdef public dict hedges
    cdef public Column item
    cdef public Column key
    cdef public Column needed
    cpdef AttemptStreams attempt(self, long retry)
    cpdef AttemptStreams hedge(self, long retry, long nth)

cdef class AttemptStreams:
    cdef dict _draws
    cdef GroupStreams _group
    cdef str _path
    cdef public Column balance
    cdef public tuple calls
    cdef public Column errors
    cdef public long flags
    cdef public Column jitter
    cdef public Column reply
    cdef public Column send
    cdef public Column throttle
    cdef public Column work
    @cython.locals(column=Column)
    cpdef double draw(self, str label, long request, bint sticky) except? -1
