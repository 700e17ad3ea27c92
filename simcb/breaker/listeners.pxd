from simcb.breaker.permit cimport Issuer

cdef class Listeners(Issuer):
    cdef public tuple _call_listeners
    cdef public tuple _listeners
    cdef public tuple _news
    cdef public object _teller
    cdef public tuple _to_tell
    cdef public object _topic
