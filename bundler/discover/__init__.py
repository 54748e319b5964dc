"""Where an app's own files name images: one module a kind of file, each text -> `Found`.

A discoverer reads text through a `Folder`, follows the format's own rules, and tells every image
with its place, every problem, every remark; it raises nothing for bad input, asks no network and
no engine, and judges no reference: `sources` in the app manifest chooses the kinds, `gather`
calls them, `resolve` looks the images up.
"""
