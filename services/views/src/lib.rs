//! millrace-views
