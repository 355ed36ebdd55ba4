"""Connections: who is failing, since when, why?"""
