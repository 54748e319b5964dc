"""Registries by the OCI distribution specification: `RegistrySource` is the one door.

source       the ImageSource: manifests, configs, blobs
client       one question to one repository, with authorization and retries
auth, token, challenge, credentials, credential_helper    who we are to whom
http, pools, proxy, url, retry                            how bytes travel
blob         a layer as a stream that goes on where it broke off
errors, faults, media                                     what answers mean
"""

from bundler.sources.registry.source import RegistryOptions, RegistrySource

__all__ = ["RegistryOptions", "RegistrySource"]
