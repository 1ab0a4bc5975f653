//! millrace-trend
