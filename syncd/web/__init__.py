"""The service's HTTP side: webhooks come in, and those who watch over it look in. Nothing here synchronizes, reads or
writes anybody.

What it needs of the service it is handed (`syncd.web.app.Served`): a function that keeps a wake, and one that tells how
syncd stands. Importing this package imports nothing; `syncd.web.serving.serve` is what `syncd run` starts.
"""
