"""Metrics by Marathon's names, as ``/metrics`` and ``/metrics/prometheus`` show them.

=========  =====================================================================
kinds      meters and timers; one metric as it is read
counts     what the core says and hears, counted; gauges that follow from its state
requests   what the HTTP server was asked
formats    Marathon's JSON, and text for Prometheus
reporters  StatsD and DataDog, who are sent them
=========  =====================================================================

Counters live as long as the process, gauges are computed when somebody asks. Metrics of the JVM do not exist here, and
those of ZooKeeper's compaction are 0: what is superseded is removed with what supersedes it.
Source: mesosphere/marathon docs/docs/metrics.md.
"""
