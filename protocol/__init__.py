"""What the daemons say to each other: messages, keys, frames, errors.

Everything here is pure: no socket, no clock, no file, no environment, no event loop.
Bytes and plain values go in, frozen structs and plain values come out, so that each rule can be
tested without a server and read without knowing one.
"""
