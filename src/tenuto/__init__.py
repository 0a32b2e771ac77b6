"""Tenuto: durable process orchestration for people, systems and data."""
