"""Other engines of durable execution, measured on this machine beside ours.

The Pythons of the peers import this package too and have no `tenuto`: what needs ours imports it
inside a function.
"""
