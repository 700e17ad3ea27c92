cdef class Packer:
    cdef _pack_attempt(
        self,
        bytearray table,
        Py_ssize_t place,
        double start,
        double end,
        double arrive,
        double begin,
        double freed,
        long request,
        long parent,
        long call,
        long retry,
        long replica,
        long breaker,
        long outcome,
        long flags,
    )
    cdef _pack_request(
        self,
        bytearray table,
        Py_ssize_t place,
        double arrival,
        double end,
        long group,
        long presses,
        long outcome,
        long cause,
    )
    cdef _lengthen(self, bytearray table, Py_ssize_t size)
