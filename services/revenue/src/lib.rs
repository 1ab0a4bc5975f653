//! millrace-revenue
