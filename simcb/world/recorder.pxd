cimport cython

from simcb.world.clock cimport Clock
from simcb.world.packing cimport Packer
from simcb.world.tasks cimport Attempt, Request

cdef long _REQUEST_SIZE
cdef long _ATTEMPT_SIZE
cdef long _MOST
cdef long _ROOM
cdef double NAN

cdef class Recorder(Packer):
    cdef Clock _clock
    cdef double _most_rows
    cdef bytearray _requests
    cdef bytearray _attempts
    cdef bytearray _transitions
    cdef bytearray _samples
    cdef bytearray _counters
    cdef Py_ssize_t _request_count
    cdef Py_ssize_t _request_room
    cdef Py_ssize_t _attempt_count
    cdef Py_ssize_t _attempt_room
    cdef list _open_requests
    cdef list _open_attempts
    cdef Py_ssize_t _held
    cdef Py_ssize_t _requests_gone
    cdef Py_ssize_t _attempts_gone
    cdef object _requests_file
    cdef object _attempts_file
    cpdef long open_request(self, Request request) except? -1
    @cython.locals(row=long, place=Py_ssize_t, table=bytearray, last=Request)
    cpdef close_request(self, Request request, long outcome, double end)
    cpdef long open_attempt(self, Attempt attempt) except? -1
    cpdef long _new_attempt(self) except? -1
    cpdef _check_room(self)
    @cython.locals(row=long, place=Py_ssize_t, table=bytearray, last=Attempt)
    cpdef close_attempt(self, Attempt attempt)
    @cython.locals(row=long)
    cpdef unsent_attempt(self, double now, long request, long parent, long call, long retry, long breaker, long outcome, long flags)
