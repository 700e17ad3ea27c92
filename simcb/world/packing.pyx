"""Rows packed by C; see `packing.py`, which does the same where nothing is compiled."""

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_Resize
from libc.stdint cimport int16_t, int32_t, uint8_t
from libc.string cimport memcpy

from simcb.trace import ATTEMPTS, REQUESTS


cdef packed struct AttemptRow:
    double start
    double end
    double arrive
    double begin
    double freed
    int32_t request
    int32_t parent
    int16_t call
    int16_t retry
    int32_t replica
    int32_t breaker
    uint8_t outcome
    uint8_t flags


cdef packed struct RequestRow:
    double arrival
    double end
    int16_t group
    int16_t presses
    uint8_t outcome
    uint8_t cause


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
    ):
        cdef AttemptRow row
        row.start = start
        row.end = end
        row.arrive = arrive
        row.begin = begin
        row.freed = freed
        row.request = <int32_t>request
        row.parent = <int32_t>parent
        row.call = <int16_t>call
        row.retry = <int16_t>retry
        row.replica = <int32_t>replica
        row.breaker = <int32_t>breaker
        row.outcome = <uint8_t>outcome
        row.flags = <uint8_t>flags
        assert place >= 0 and place + <Py_ssize_t>sizeof(AttemptRow) <= len(table)
        memcpy(PyByteArray_AS_STRING(table) + place, &row, sizeof(AttemptRow))

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
    ):
        cdef RequestRow row
        row.arrival = arrival
        row.end = end
        row.group = <int16_t>group
        row.presses = <int16_t>presses
        row.outcome = <uint8_t>outcome
        row.cause = <uint8_t>cause
        assert place >= 0 and place + <Py_ssize_t>sizeof(RequestRow) <= len(table)
        memcpy(PyByteArray_AS_STRING(table) + place, &row, sizeof(RequestRow))

    cdef _lengthen(self, bytearray table, Py_ssize_t size):
        PyByteArray_Resize(table, len(table) + size)


if sizeof(AttemptRow) != ATTEMPTS.row.size or sizeof(RequestRow) != REQUESTS.row.size:
    raise ImportError("simcb.world.packing was built for other tables")
