"""Whether this host can take a bundle and run what is in it: one small file a topic.

A check reads what it is handed (`Sources`) and yields findings; it starts nothing, asks nobody and
changes nothing. What reads the host itself lies in `hostfiles`, `kernellog`, `children`,
`nvmlasking`, `libraryasking` and `engineasking`. The list of all checks is `catalogue.CHECKS`;
docs/checks.md is held to it by a test.
"""
