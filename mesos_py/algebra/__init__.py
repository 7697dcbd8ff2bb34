"""Layer 1: values of the domain. No I/O, no clock, no randomness; everything here is immutable from outside.

===================  ===========================================================================
quantities           name -> thousandths; quota, shares, headroom; ``Limits`` knows "unlimited"
ranges               sorted, coalesced inclusive intervals (ports)
kinds                what makes two resources the same thing; interned
resources            multiset of kinds: + - <=, pick, allocate, reserved ...
conversions          RESERVE ... SHRINK as (consumed, produced) pairs
validation           Mesos' words for a resource that is not one
roles, attributes    names; what agents say about themselves
parse, durations     grammars of flags
offer_constraints    which agents a framework wants to hear of; ``regex`` is its linear-time matcher
===================  ===========================================================================
"""
