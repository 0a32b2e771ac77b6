"""Keeping: the journal, its chain and the rows, behind one port."""
