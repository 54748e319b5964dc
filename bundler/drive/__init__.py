"""`bundle drive`: a bundle onto removable media, beside what is there, read back and compared.

`filesystem` looks at the drive, `targets` says what lies where, `plan` what is to be done, `copy`
writes, `readback` reads from the medium, `removal` makes room, `papers` has words for people,
`eject` lets go, `put` is all of it in order.
"""
