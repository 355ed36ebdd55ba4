"""Figures that the README may quote; `make bench` prints them, each beside what it is measured against."""
