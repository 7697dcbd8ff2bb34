"""Metrics by Marathon's names, as ``/metrics`` and ``/metrics/prometheus`` show them.

=========  =====================================================================
kinds      meters and timers; one metric as it is read
counts     what the core says and hears, counted; gauges that follow from its state
requests   what the HTTP server was asked
formats    Marathon's JSON, and text for Prometheus
=========  =====================================================================

Counters live as long as the process, gauges are computed when somebody asks. Metrics of the JVM and of ZooKeeper's
compaction do not exist here. Source: mesosphere/marathon docs/docs/metrics.md.
"""
