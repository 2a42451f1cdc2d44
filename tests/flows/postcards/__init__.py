"""Postcards: a fictional platform with two steps, as the folder that a new platform adds."""
