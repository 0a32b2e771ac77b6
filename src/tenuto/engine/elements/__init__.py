"""The behaviour of each kind of element, one family a file; each header names its clause of BPMN
2.0.2.
"""
