"""Overview: what is wrong, right now?"""
