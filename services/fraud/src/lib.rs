//! millrace-fraud
