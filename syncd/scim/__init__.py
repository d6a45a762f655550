"""SCIM 2.0 as providers really speak it (RFC 7643, 7644, 9865): what a request means for a shelf of pushed resources.

Pure protocol: it speaks neither HTTP nor SQL, knows no source and no time. Patching is done on plain dictionaries, because what
Entra ID and Okta send is not what the RFC draws. Importing this package imports nothing.
"""
