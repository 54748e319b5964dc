"""What runs of an app: Compose files, Marathon documents and services -> `RunSpec`.

`reading` reads what `run:` of the app manifest names, by the code that finds images; `composing`
and `scheduling` bring it into one form, `finishing` fits that to the images of the lock.
"""
