"""Why something a framework or an agent asks for is refused, in the words of Mesos; pure functions, by noun."""
