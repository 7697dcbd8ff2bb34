"""What masters and agents both refuse, in the words of Mesos; pure functions. Mesos: src/common/validation.cpp."""
