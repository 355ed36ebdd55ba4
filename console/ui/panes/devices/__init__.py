"""Devices: who are they, and how do they authenticate?"""
