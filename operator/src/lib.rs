//! The operator: makes a running pipeline of an `AnalyticsPipeline` resource.

pub mod api;
