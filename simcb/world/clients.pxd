cimport cython

from simcb.world.clock cimport Clock, Expiries
from simcb.world.occurrence cimport Occurrence
from simcb.world.recorder cimport Recorder
from simcb.world.streams cimport Column
from simcb.world.tasks cimport Origin, Request, Task, UserAttempt

cdef long _ASK
cdef long ABANDONED
cdef long REQUEST_FAILED

cdef class Instances:
    cdef long _count
    cdef object _make
    cdef Column _draws
    cdef dict _made
    @cython.locals(place=long, draws=Column)
    cpdef tuple sites(self, long number, long user)

cdef class Group(Origin):
    cdef Clock _clock
    cdef Recorder _recorder
    cdef public Instances instances
    cdef long _refresh_times
    cdef Expiries _refreshes
    cdef Expiries _deadlines
    cdef object _user_attempts
    cdef tuple _first_attempt
    cdef object _attempt
    @cython.locals(request=Request)
    cpdef _open(self, long number, long user)
    @cython.locals(attempt=UserAttempt)
    cpdef _ask_once(self, Request request, tuple streams, double now)

    @cython.locals(attempt=Task)
    cpdef close(self, Request request, long outcome)

cdef class OpenGroup(Group):
    cdef object _moments
    cdef long _number
    cdef Occurrence _next
    cpdef _await_next(self)
    cpdef _arrive(self, object _)

cdef class ClosedGroup(Group):
    cdef long _users
    cdef long _here
    cdef long _came
    cdef dict _gone
    cdef Column _times
    cdef object _callback
    cpdef _think(self, long number)
    cpdef _ask(self, _Thought event)

cdef class _Thought(Occurrence):
    cdef public long number
