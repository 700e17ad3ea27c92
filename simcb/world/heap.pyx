"""A binary heap in C; see `heap.py`, which does the same where nothing is compiled."""

from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.math cimport INFINITY
from libc.stdlib cimport free, realloc

from simcb.world.occurrence cimport Occurrence


cdef inline bint _comes_before(Entry* one, Entry* other) noexcept:
    return one.time < other.time or (one.time == other.time and one.rank < other.rank)


cdef class Heap:
    def __init__(self):
        self.now = 0.0

    def __dealloc__(self):
        # Not by `clear`: what a subclass has is gone by now.
        while self._count:
            self._pop()
        free(self._entries)

    cpdef clear(self):
        while self._count:
            self._pop()

    cpdef push(self, double time, long order, long turn, Occurrence event):
        cdef Entry entry
        cdef Entry* heap
        cdef Py_ssize_t place, parent
        if self._count == self._room:
            heap = <Entry*>realloc(self._entries, (2 * self._room + 64) * sizeof(Entry))
            if heap == NULL:
                raise MemoryError
            self._entries = heap
            self._room = 2 * self._room + 64
        Py_INCREF(event)
        entry.time = time
        entry.rank = (<long long>order << 58) | turn
        entry.event = <PyObject*>event
        heap = self._entries
        place = self._count
        self._count += 1
        while place:
            parent = (place - 1) >> 1
            if _comes_before(&heap[parent], &entry):
                break
            heap[place] = heap[parent]
            place = parent
        heap[place] = entry

    cdef Occurrence _pop(self):
        cdef Entry* heap = self._entries
        cdef Occurrence event = <Occurrence>heap[0].event
        cdef Entry last
        cdef Py_ssize_t place = 0, child, count
        Py_DECREF(event)  # the variable holds it
        self._count = count = self._count - 1
        last = heap[count]
        while True:
            child = 2 * place + 1
            if child >= count:
                break
            if child + 1 < count and _comes_before(&heap[child + 1], &heap[child]):
                child += 1
            if _comes_before(&last, &heap[child]):
                break
            heap[place] = heap[child]
            place = child
        heap[place] = last
        return event

    cpdef advance(self, double until):
        cdef Occurrence event
        while self._count and self._entries[0].time < until:
            self.now = self._entries[0].time
            event = self._pop()
            event.callback(event)

    cpdef double due(self):
        return self._entries[0].time if self._count else INFINITY
